//! Configs that are made of others.

use serde_json::Value;

/// The config with these fields added, each in the place of what it had under that name.
///
/// # Panics
/// One of the two is no object.
#[must_use]
pub fn with_changes(mut config: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// An example as the plugin gets it: the host has read the file at this JSON pointer, in which `text` is.
///
/// # Panics
/// The example names no file there.
#[must_use]
pub fn with_file(example: &str, pointer: &str, text: &str) -> Value {
    let mut example: Value = serde_json::from_str(example).unwrap();
    let place = example.pointer_mut(pointer).unwrap();
    assert!(place["$file"].is_string(), "expected a file at {pointer}");
    *place = text.into();
    example
}

/// For each of the changes the config with another value at that JSON pointer, whose parent must be there.
///
/// # Panics
/// The parent is not there.
pub fn changed<'a>(
    config: Value,
    changes: impl IntoIterator<Item = (&'a str, Value)>,
) -> impl Iterator<Item = Value> {
    changes.into_iter().map(move |(pointer, value)| {
        let mut config = config.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(parent).unwrap()[key] = value;
        config
    })
}
