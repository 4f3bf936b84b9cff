//! `tokens.shared`: a boolean, or where in the config one is.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Unexpected, Visitor},
};

/// Whether one token serves several workspaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedTokens {
    /// Whatever the config says.
    Always(bool),
    /// If the boolean at this JSON pointer of the config is true, or left out.
    If(String),
}

impl Default for SharedTokens {
    fn default() -> Self {
        Self::Always(false)
    }
}

impl<'de> Deserialize<'de> for SharedTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = SharedTokens;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or config:/json/pointer in tokens.shared")
            }

            fn visit_bool<E: de::Error>(self, shared: bool) -> Result<SharedTokens, E> {
                Ok(SharedTokens::Always(shared))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SharedTokens, E> {
                match text.strip_prefix("config:") {
                    Some(pointer) if pointer.starts_with('/') => {
                        Ok(SharedTokens::If(pointer.to_owned()))
                    }
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boolean_or_a_pointer_and_nothing_else() {
        let read = |json| serde_json::from_str::<SharedTokens>(json);
        assert_eq!(read("true").unwrap(), SharedTokens::Always(true));
        let pointer = SharedTokens::If("/share_tokens".to_owned());
        assert_eq!(read(r#""config:/share_tokens""#).unwrap(), pointer);
        let error = read(r#""yes""#).unwrap_err().to_string();
        let expected = "invalid value: string \"yes\", expected true, false or config:/json/pointer in tokens.shared";
        assert!(error.starts_with(expected), "{error}");
        assert!(read("1").is_err());
    }
}
