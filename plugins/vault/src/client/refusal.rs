//! Vault's refusals: a status and a list of messages.

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::quote::quoted;
use serde::Deserialize;

/// An answer other than success. There is no `Debug`: it may hold what Vault should not have repeated.
pub struct Refusal {
    response: Response,
    shown: Option<Shown>,
}

/// What is documented of the body. A deleted secret has `data` in the place of `errors`.
#[derive(Deserialize)]
struct Shown {
    errors: Option<Vec<String>>,
    warnings: Option<Vec<String>>,
    data: Option<serde::de::IgnoredAny>,
}

impl Refusal {
    pub(super) fn read(response: Response) -> Self {
        let shown = serde_json::from_slice(response.body()).ok();
        Self { response, shown }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status()
    }

    /// The whole answer.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// Whether it is an answer of Vault's and not of something in between.
    #[must_use]
    pub fn is_vaults(&self) -> bool {
        self.shown.as_ref().is_some_and(|shown| {
            shown.errors.is_some() || shown.warnings.is_some() || shown.data.is_some()
        })
    }

    /// Vault's first message, or its first warning; empty if there is none.
    #[must_use]
    pub fn message(&self) -> &str {
        let first = self.shown.as_ref().and_then(|shown| {
            let errors = shown.errors.as_ref().and_then(|errors| errors.first());
            errors.or_else(|| shown.warnings.as_ref()?.first())
        });
        first.map_or("", String::as_str)
    }

    /// The fault of a refusal that no caller knows: the plugin asked for what it should not have.
    #[must_use]
    pub fn unknown(&self, what: &str) -> Fault {
        Fault::internal(format!(
            "{what}: Vault refuses with status {}{}; this plugin is too old for it or defective",
            self.status(),
            quoted(self.message())
        ))
    }
}
