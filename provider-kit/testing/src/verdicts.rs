//! The schema in a plugin's manifest and the plugin itself are of one mind.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Whether the schema accepts a config.
#[must_use]
pub fn accepts(schema: &str, config: &Value) -> bool {
    let schema = serde_json::from_str(schema).unwrap();
    jsonschema::validator_for(&schema).unwrap().is_valid(config)
}

/// Panics unless this is what the schema says of each config, and what the plugin says: whether it is right. `settings` is
/// what the plugin makes of a config that has its type.
#[track_caller]
pub fn assert_verdicts<C: DeserializeOwned, S, E>(
    schema: &str,
    settings: impl Fn(C) -> Result<S, E>,
    configs: impl IntoIterator<Item = Value>,
    expected: (bool, bool),
) {
    for config in configs {
        let by_plugin =
            serde_json::from_value(config.clone()).is_ok_and(|config| settings(config).is_ok());
        assert_eq!(
            (accepts(schema, &config), by_plugin),
            expected,
            "schema and plugin of {config}"
        );
    }
}
