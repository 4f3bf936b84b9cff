//! Variables, as a test writes and compares them.

use provisionhook_provider_kit::{environment::Environment, values::Variables};

/// Names and values, in this order.
#[must_use]
pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// What a plugin gives, as [`pairs`].
#[must_use]
pub fn shown(variables: &Variables) -> Vec<(String, String)> {
    let shown = variables
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string()));
    shown.collect()
}

/// An environment of these variables alone.
#[must_use]
pub fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = pairs(variables);
    Environment::from_fn(move |asked| {
        let found = variables.iter().find(|(name, _)| name == asked);
        found.map(|(_, value)| value.clone())
    })
}
