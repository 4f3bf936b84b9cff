//! The schema in a plugin's manifest and the plugin itself are of one mind.

use serde_json::Value;

/// A config with another value at a JSON pointer, whose parent must be there.
///
/// # Panics
/// The parent is not there.
pub fn changed(config: &str, pointer: &str, value: &Value) -> Value {
    let mut config: Value = serde_json::from_str(config).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[key] = value.clone();
    config
}

/// Panics unless schema and plugin both take the config, or both refuse it.
#[track_caller]
pub fn assert_verdicts(schema: &str, config: &Value, by_plugin: bool, expected: bool) {
    let schema = serde_json::from_str(schema).unwrap();
    let by_schema = jsonschema::validator_for(&schema).unwrap().is_valid(config);
    assert_eq!(
        (by_schema, by_plugin),
        (expected, expected),
        "schema and plugin of {config}"
    );
}
