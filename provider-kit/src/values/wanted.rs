//! What a plugin's config wants of which secrets, and all of it taken at once.

use std::{collections::BTreeMap, fmt};

use provisionhook_plugin_abi::sdk::Fault;
use zeroize::Zeroizing;

use super::{Kept, Pick, Problems, Spread};

/// A wish. `R` names a secret to its store, and shows itself to an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<R> {
    /// Which secret.
    pub secret: R,
    /// What of it.
    pub take: Take,
}

/// What to take of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// One value.
    One {
        /// For this variable.
        variable: String,
        /// This value.
        pick: Pick,
    },
    /// All keys.
    All(Spread),
}

/// Variables and their values, in the order of their names.
pub type Variables = BTreeMap<String, Zeroizing<String>>;

/// Takes everything that is wanted out of the secrets. A variable that is wanted by its name goes before one out of a
/// spread secret.
///
/// # Errors
/// A `config` fault with all that does not fit: names of secrets and keys, no values.
pub fn take_all<R: Ord + fmt::Display>(
    wanted: &[Wanted<R>],
    secrets: &BTreeMap<R, Kept>,
) -> Result<Variables, Fault> {
    let mut problems = Problems::default();
    let (mut spread, mut named) = (Variables::new(), Variables::new());
    for Wanted { secret, take } in wanted {
        let Some(kept) = secrets.get(secret) else {
            problems.add(secret, Fault::internal("it was not fetched"));
            continue;
        };
        let taken = match take {
            Take::All(all) => all.values(kept).map(|values| spread.extend(values)),
            Take::One { variable, pick } => pick
                .value(kept)
                .map(|value| drop(named.insert(variable.clone(), value))),
        };
        if let Err(problem) = taken {
            problems.add(secret, Fault::config(problem));
        }
    }
    problems.none(secrets.len())?;
    spread.extend(named);
    Ok(spread)
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;

    use super::*;
    use crate::values::Names;

    fn one(secret: &'static str, variable: &str, key: &str) -> Wanted<&'static str> {
        let pick = Pick {
            json_key: Some(key.to_owned()),
            encoding: None,
        };
        Wanted {
            secret,
            take: Take::One {
                variable: variable.to_owned(),
                pick,
            },
        }
    }

    fn all(secret: &'static str) -> Wanted<&'static str> {
        Wanted {
            secret,
            take: Take::All(Spread::new("*", Names::Keep, "").unwrap()),
        }
    }

    fn secrets() -> BTreeMap<&'static str, Kept> {
        BTreeMap::from([(
            "db",
            Kept::Text(r#"{"user": "hunter2", "port": "1"}"#.to_owned().into()),
        )])
    }

    #[test]
    fn a_name_goes_before_a_spread_secret_wherever_it_stands() {
        let values = take_all(&[one("db", "port", "user"), all("db")], &secrets()).unwrap();
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(values, [("port", "hunter2"), ("user", "hunter2")]);
    }

    #[test]
    fn all_problems_are_told_at_once_by_secret() {
        let fault = take_all(
            &[one("db", "A", "pass"), one("db", "B", "word"), all("gone")],
            &secrets(),
        )
        .unwrap_err();
        assert_eq!(fault.kind(), FaultKind::CONFIG);
        for expected in [
            "db: expected the JSON key \"pass\", found the keys port, user",
            "\"word\"",
            "gone: ",
        ] {
            assert!(fault.message().contains(expected), "{fault}");
        }
        assert!(!fault.message().contains("hunter2"), "{fault}");
    }
}
