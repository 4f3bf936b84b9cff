//! JSON secrets: their keys, and one value of them. Values stay where they are, as text, so that nothing has to be wiped
//! but what is taken out, and numbers come out as they were written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The values of a JSON object, not looked into yet.
pub(super) type Object<'a> = BTreeMap<String, &'a RawValue>;

/// # Errors
/// It is no JSON object.
pub(super) fn object(text: &str) -> Result<Object<'_>, String> {
    serde_json::from_str(text).map_err(|_| format!("expected a JSON object, found {}", kind(text)))
}

/// The value under `key`, which is the name of a key, or a JSON pointer if it begins with a slash.
///
/// # Errors
/// There is none. The keys that are there are named.
pub(super) fn find<'a>(text: &'a str, key: &str) -> Result<&'a str, String> {
    let Some(pointer) = key.strip_prefix('/') else {
        return member(text, key);
    };
    let mut text = text;
    for part in pointer.split('/') {
        let part = part.replace("~1", "/").replace("~0", "~");
        text = if kind(text) == "a list" {
            element(text, &part)?
        } else {
            member(text, &part)?
        };
    }
    Ok(text)
}

/// # Errors
/// No object, or no such key in it.
fn member<'a>(text: &'a str, key: &str) -> Result<&'a str, String> {
    let object = object(text)?;
    object.get(key).map(|value| value.get()).ok_or_else(|| {
        let keys: Vec<&str> = object.keys().map(String::as_str).collect();
        let found = if keys.is_empty() {
            "no key at all".to_owned()
        } else {
            format!("the keys {}", keys.join(", "))
        };
        format!("expected the JSON key {key:?}, found {found}")
    })
}

/// # Errors
/// No such element.
fn element<'a>(text: &'a str, index: &str) -> Result<&'a str, String> {
    let list: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
    let found = index.parse().ok().and_then(|index: usize| list.get(index));
    found.map(|value| value.get()).ok_or_else(|| {
        format!(
            "expected the index {index:?} in a JSON list, found {} elements",
            list.len()
        )
    })
}

/// A value as it goes into a variable: a string without its quotes, anything else as it stands in the JSON.
///
/// # Errors
/// It is null.
pub(super) fn plain(value: &str) -> Result<Zeroizing<String>, String> {
    match value.as_bytes().first() {
        Some(b'"') => serde_json::from_str(value)
            .map(Zeroizing::new)
            .map_err(|_| "expected JSON text, found an unpaired surrogate in it".to_owned()),
        Some(b'n') => Err("expected a value, found null".to_owned()),
        _ => Ok(Zeroizing::new(value.to_owned())),
    }
}

fn kind(text: &str) -> &'static str {
    let text = text.trim_start();
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return "text that is no JSON";
    }
    match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b'n') => "null",
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = r#" {"user": "hunter2", "port": 5432, "rate": 1.10, "a/b": {"list": [1, "two"]}, "on": true, "none": null} "#;

    /// # Errors
    /// As `find`, and `plain`.
    fn value(key: &str) -> Result<String, String> {
        find(SECRET, key)
            .and_then(plain)
            .map(|value| value.to_string())
    }

    #[test]
    fn values_are_found_by_key_and_by_pointer() {
        let expectations = [
            ("user", "hunter2"),
            ("port", "5432"),
            ("rate", "1.10"),
            ("on", "true"),
            ("a/b", r#"{"list": [1, "two"]}"#),
            ("/a~1b/list/1", "two"),
            ("/user", "hunter2"),
        ];
        for (key, expected) in expectations {
            assert_eq!(value(key).as_deref(), Ok(expected), "{key}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_the_names_that_are_there() {
        let told = |key: &str| value(key).unwrap_err();
        assert_eq!(
            told("pass"),
            "expected the JSON key \"pass\", found the keys a/b, none, on, port, rate, user"
        );
        assert_eq!(told("none"), "expected a value, found null");
        assert_eq!(
            told("/a~1b/list/2"),
            "expected the index \"2\" in a JSON list, found 2 elements"
        );
        assert_eq!(told("/user/x"), "expected a JSON object, found a string");
        assert_eq!(
            find("{}", "x").unwrap_err(),
            "expected the JSON key \"x\", found no key at all"
        );
    }

    #[test]
    fn text_that_is_no_object_is_not_shown() {
        for (text, expected) in [
            ("hunter2", "text that is no JSON"),
            ("[\"hunter2\"]", "a list"),
            ("2", "a number"),
            ("", "text that"),
        ] {
            let told = object(text).unwrap_err();
            assert!(
                told.contains(expected) && !told.contains("hunter2"),
                "{told}"
            );
        }
    }
}
