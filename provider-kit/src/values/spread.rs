//! All keys of a JSON secret, each into a variable.

use std::collections::{BTreeMap, btree_map::Entry};

use provisionhook_plugin_abi::sdk::Fault;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Kept, json, name::is_variable, pick};

/// How the name of a variable is made of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Names {
    /// The key as it is.
    #[default]
    Keep,
    /// The key in upper case, with `_` in the place of whatever no variable's name can have.
    Upper,
}

/// Where the keys go: to variables with a prefix, which the manifest declares as `PREFIX*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    prefix: String,
    names: Names,
}

impl Spread {
    /// `pattern` is `PREFIX*` or `*`, as it stands in the config and in the manifest. `field` is its JSON pointer.
    ///
    /// # Errors
    /// A `config` fault for anything else.
    pub fn new(pattern: &str, names: Names, field: &str) -> Result<Self, Fault> {
        let prefix = pattern
            .strip_suffix('*')
            .filter(|prefix| prefix.is_empty() || is_variable(prefix));
        prefix.map(|prefix| Self { prefix: prefix.to_owned(), names }).ok_or_else(|| {
            Fault::config(format!("{field}: expected the beginning of variable names and a star, such as \"APP_*\", found {pattern:?}"))
        })
    }

    /// The variables, in the order of their names.
    ///
    /// # Errors
    /// All that does not fit, without the secret's name.
    pub fn values(&self, kept: &Kept) -> Result<Vec<(String, Zeroizing<String>)>, String> {
        let mut problems = Vec::new();
        let mut variables: BTreeMap<String, (String, Zeroizing<String>)> = BTreeMap::new();
        for (key, value) in json::object(kept.text()?)? {
            let made = self.name(&key).and_then(|name| {
                let value =
                    json::plain(value.get()).and_then(|value| pick::fit(&value).map(|()| value));
                value
                    .map(|value| (name, value))
                    .map_err(|problem| format!("at the JSON key {key:?}: {problem}"))
            });
            match made.map(|(name, value)| (variables.entry(name), value)) {
                Ok((Entry::Vacant(free), value)) => {
                    free.insert((key, value));
                }
                Ok((Entry::Occupied(taken), _)) => problems.push(format!(
                    "expected keys with different names, found {:?} and {key:?}, which both make {}", taken.get().0, taken.key()
                )),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems.join("; "));
        }
        Ok(variables
            .into_iter()
            .map(|(name, (_, value))| (name, value))
            .collect())
    }

    /// # Errors
    /// No variable can have that name.
    fn name(&self, key: &str) -> Result<String, String> {
        let fit = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let key_part = match self.names {
            Names::Keep => key.to_owned(),
            Names::Upper => key.chars().map(fit).collect(),
        };
        let name = format!("{}{key_part}", self.prefix);
        if key.is_empty() || !is_variable(&name) {
            return Err(format!(
                "expected keys that variables can be named by, found {key:?}; write \"names\": \"upper\", or take single keys with \"variables\""
            ));
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// # Errors
    /// As `Spread::values`.
    fn spread(pattern: &str, names: Names, json: &str) -> Result<Vec<(String, String)>, String> {
        let spread = Spread::new(pattern, names, "/spread").unwrap();
        let values = spread.values(&Kept::Text(json.to_owned().into()))?;
        Ok(values
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn each_key_makes_a_variable() {
        let json = r#"{"user": "u", "port": 1}"#;
        assert_eq!(
            spread("DB_*", Names::Keep, json),
            Ok(pairs(&[("DB_port", "1"), ("DB_user", "u")]))
        );
        assert_eq!(
            spread("*", Names::Upper, r#"{"api-key": "k"}"#),
            Ok(pairs(&[("API_KEY", "k")]))
        );
        assert_eq!(
            spread("N*", Names::Keep, r#"{"1": "k"}"#),
            Ok(pairs(&[("N1", "k")]))
        );
        assert_eq!(spread("*", Names::Keep, "{}"), Ok(Vec::new()));
    }

    #[test]
    fn all_that_does_not_fit_is_told_at_once_and_no_value() {
        let json =
            r#"{"a-b": "hunter2", "a.b": "hunter2", "ok": null, "": "hunter2", "n": "\u0000"}"#;
        let kept = spread("*", Names::Keep, json).unwrap_err();
        for expected in [
            "\"a-b\"",
            "\"a.b\"",
            "at the JSON key \"ok\": expected a value, found null",
            "found \"\"",
            "NUL",
        ] {
            assert!(kept.contains(expected), "{expected}: {kept}");
        }
        let upper =
            spread("*", Names::Upper, r#"{"a-b": "hunter2", "a.b": "hunter2"}"#).unwrap_err();
        assert!(
            upper.contains("\"a-b\" and \"a.b\", which both make A_B"),
            "{upper}"
        );
        assert!(!kept.contains("hunter2") && !upper.contains("hunter2"));
        assert!(
            spread("*", Names::Keep, "hunter2")
                .unwrap_err()
                .contains("expected a JSON object")
        );
    }

    #[test]
    fn a_pattern_has_one_star_at_its_end() {
        for pattern in ["", "A", "A*B", "**", "1*", "A-*"] {
            let fault = Spread::new(pattern, Names::Keep, "/spread").unwrap_err();
            assert!(fault.message().starts_with("/spread: expected"), "{fault}");
        }
    }
}
