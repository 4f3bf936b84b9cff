//! Who stands behind which role.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `roles.default` is for every role that has no entry, or one with an empty owner.
const DEFAULT_ROLE: &str = "default";

/// The plugin's configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    roles: BTreeMap<String, Role>,
    #[serde(default = "yes")]
    pub(crate) wrapper_variables: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            roles: BTreeMap::new(),
            wrapper_variables: yes(),
        }
    }
}

/// Images that install the wrapper from the variables would be without it, and say nothing.
fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    owner: String,
}

impl Config {
    /// The owner of a role, compared without case; else the default one; else nobody (the empty string).
    pub(crate) fn owner(&self, role: &str) -> &str {
        let of = |name: &str| {
            let entry = self
                .roles
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            entry
                .map(|(_, role)| role.owner.as_str())
                .filter(|owner| !owner.is_empty())
        };
        of(role).or_else(|| of(DEFAULT_ROLE)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn the_role_wins_over_the_default_whatever_its_case() {
        let config: Config =
            serde_json::from_str(r#"{"roles":{"pmm-lead":{"owner":"alice"},"QA":{"owner":""},"default":{"owner":"bob"}}}"#)
                .unwrap();
        assert_eq!(config.owner("Pmm-Lead"), "alice");
        assert_eq!(config.owner("qa"), "bob");
        assert_eq!(config.owner("other"), "bob");
        assert_eq!(Config::default().owner("other"), "");
    }

    #[test]
    fn the_schema_accepts_the_documented_example_and_describes_every_key() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../config.schema.json")).unwrap();
        for key in ["roles", "wrapper_variables"] {
            assert!(schema["properties"][key]["description"].is_string());
        }
        let example = include_str!("../../../docs/plugins/examples/gh-identity.json");
        let config: Config = serde_json::from_str(example).unwrap();
        assert!(!config.owner("reviewer").is_empty());
        assert!(!config.wrapper_variables && Config::default().wrapper_variables);
    }
}
