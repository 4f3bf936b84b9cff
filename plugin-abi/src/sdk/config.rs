//! The plugin's config: from the host's JSON to the author's type.
//!
//! `serde_json` would show the value that did not fit, and that value may be a secret. This reader shows its place and what
//! kind of value it is.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, Expected, IntoDeserializer, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::Fault;

/// Reads the config.
///
/// # Errors
///
/// A `config` fault with the place in the JSON.
pub(crate) fn read_config<C: DeserializeOwned>(json: &[u8]) -> Result<C, Fault> {
    let json = if json.is_empty() { b"{}" } else { json };
    let value = serde_json::from_slice(json)
        .map_err(|error| Fault::config(format!("config: expected JSON: {error}")))?;
    C::deserialize(Node {
        value,
        path: String::new(),
    })
    .map_err(|wrong| Fault::config(wrong.to_string()))
}

/// A value, and where in the config it is: a JSON pointer.
struct Node {
    value: Value,
    path: String,
}

impl Node {
    fn child(&self, value: Value, key: &dyn fmt::Display) -> Self {
        Self {
            value,
            path: format!("{}/{key}", self.path),
        }
    }

    /// # Errors
    ///
    /// What `read` says, with this place if it names none.
    fn at<T>(mut self, read: impl FnOnce(&Self, Value) -> Result<T, Wrong>) -> Result<T, Wrong> {
        let value = self.value.take();
        read(&self, value).map_err(|wrong| Wrong {
            path: wrong.path.or(Some(self.path)),
            ..wrong
        })
    }
}

impl<'de> IntoDeserializer<'de, Wrong> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.at(|node, value| match value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::String(value) => visitor.visit_string(value),
            Value::Number(value) => match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, Some(value)) => visitor.visit_f64(value),
                (None, None, None) => Err(de::Error::custom("expected a number that fits 64 bits")),
            },
            Value::Array(values) => {
                let nodes = values
                    .into_iter()
                    .enumerate()
                    .map(|(at, value)| node.child(value, &at));
                visitor.visit_seq(SeqDeserializer::new(nodes))
            }
            Value::Object(values) => visitor.visit_map(MapDeserializer::new(
                values.into_iter().map(|(key, value)| {
                    let child = node.child(value, &key);
                    (key, child)
                }),
            )),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        if self.value.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.at(|node, value| match value {
            Value::String(name) => visitor.visit_enum(name.into_deserializer()),
            Value::Object(values) => {
                let entries = values.into_iter().map(|(key, value)| {
                    let child = node.child(value, &key);
                    (key, child)
                });
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(entries)))
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) => Err(
                Wrong::new(format!("expected a name, found {}", kind_of(&other))),
            ),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// What does not fit, and where.
#[derive(Debug)]
struct Wrong {
    message: String,
    path: Option<String>,
}

impl Wrong {
    fn new(message: String) -> Self {
        Self {
            message,
            path: None,
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_deref() {
            None | Some("") => write!(f, "config: {}", self.message),
            Some(path) => write!(f, "config, at {path}: {}", self.message),
        }
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {}", kind(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!(
            "expected {expected}, found {} that is none",
            kind(found)
        ))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!(
            "expected one of {}, found another name",
            expected.join(", ")
        ))
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => "something else",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        id: u64,
        #[serde(default)]
        name: Option<String>,
        #[serde(default)]
        mode: Mode,
        #[serde(default)]
        hosts: Vec<Host>,
        #[serde(default)]
        labels: BTreeMap<String, f64>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        #[default]
        Plain,
        Scaled {
            by: i32,
        },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Host {
        port: u16,
    }

    fn fault(json: &str) -> String {
        read_config::<Config>(json.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn whatever_serde_json_reads_this_reads() {
        let json = r#"{"id": 7, "name": null, "mode": {"scaled": {"by": -2}}, "hosts": [{"port": 1}], "labels": {"a": 1.5}}"#;
        let expected: Config = serde_json::from_str(json).unwrap();
        assert_eq!(read_config::<Config>(json.as_bytes()), Ok(expected));
        assert_eq!(
            read_config::<Config>(br#"{"id": 1, "mode": "plain"}"#)
                .unwrap()
                .mode,
            Mode::Plain
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(fault("{}"), "config: missing field `id`");
        assert_eq!(
            fault(r#"{"id": 1, "hosts": [{"port": 1}, {"port": []}]}"#),
            "config, at /hosts/1/port: expected u16, found a list"
        );
        assert_eq!(
            fault(r#"{"id": 1, "mode": 3}"#),
            "config, at /mode: expected a name, found a number"
        );
        assert!(
            fault(r#"{"id": 1, "nmae": ""}"#)
                .starts_with("config: unknown field `nmae`, expected one of `id`")
        );
        assert!(
            fault("{").starts_with("config: expected JSON: EOF"),
            "{}",
            fault("{")
        );
    }

    #[test]
    fn a_value_is_never_shown() {
        for json in [
            r#"{"id": "hunter2"}"#,
            r#"{"id": 1, "hosts": ["hunter2"]}"#,
            r#"{"id": 1, "mode": "hunter2"}"#,
            r#"{"id": 1, "hosts": [{"port": "hunter2"}]}"#,
            r#"{"id": 1, "labels": "hunter2"}"#,
        ] {
            let told = fault(json);
            assert!(
                told.contains("expected") && !told.contains("hunter2"),
                "{told}"
            );
        }
    }
}
