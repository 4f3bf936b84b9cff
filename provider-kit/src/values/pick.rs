//! One value out of a secret, for one variable.

use std::str;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Kept, json};

/// What to make of bytes, or of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// The bytes are text.
    Utf8,
    /// The bytes go into the variable as standard base64, with padding.
    Base64,
}

/// What the operator wants of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pick {
    /// The name of a key of a JSON secret, or a JSON pointer if it begins with a slash.
    pub json_key: Option<String>,
    /// Needed for bytes.
    pub encoding: Option<Encoding>,
}

impl Pick {
    /// The value for the variable.
    ///
    /// # Errors
    /// What was expected of the secret and what was found, without its name.
    pub fn value(&self, kept: &Kept) -> Result<Zeroizing<String>, String> {
        let value = match (&self.json_key, self.encoding) {
            (Some(key), _) => json::find(&self.text(kept)?, key).and_then(json::plain)?,
            (None, Some(Encoding::Base64)) => return Ok(base64(kept)),
            (None, _) => self.text(kept)?,
        };
        fit(&value)?;
        Ok(value)
    }

    /// # Errors
    /// Bytes that are not called text, or are none.
    fn text(&self, kept: &Kept) -> Result<Zeroizing<String>, String> {
        match (kept, self.encoding) {
            (Kept::Bytes(bytes), Some(Encoding::Utf8)) => str::from_utf8(bytes)
                .map(|text| Zeroizing::new(text.to_owned()))
                .map_err(|_| "expected UTF-8, as \"encoding\" says, found other bytes; write \"base64\" there".to_owned()),
            _ => kept.text().map(|text| Zeroizing::new(text.to_owned())),
        }
    }
}

fn base64(kept: &Kept) -> Zeroizing<String> {
    Zeroizing::new(match kept {
        Kept::Text(text) => STANDARD.encode(text.as_bytes()),
        Kept::Bytes(bytes) => STANDARD.encode(&**bytes),
    })
}

/// # Errors
/// No environment can carry it.
pub(super) fn fit(value: &str) -> Result<(), String> {
    if value.contains('\0') {
        return Err("expected a value without NUL characters, which no variable can hold, found one with them; write \"encoding\": \"base64\"".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(json_key: Option<&str>, encoding: Option<Encoding>) -> Pick {
        Pick {
            json_key: json_key.map(str::to_owned),
            encoding,
        }
    }

    fn text(text: &str) -> Kept {
        Kept::Text(text.to_owned().into())
    }

    fn bytes(bytes: &[u8]) -> Kept {
        Kept::Bytes(bytes.to_vec().into())
    }

    #[test]
    fn a_secret_comes_out_as_it_is() {
        let value = |kept| pick(None, None).value(&kept).map(|value| value.to_string());
        assert_eq!(value(text("line\nline\n")).as_deref(), Ok("line\nline\n"));
        assert!(value(text("a\0b")).unwrap_err().contains("NUL"));
        assert!(value(bytes(b"text")).unwrap_err().contains("found 4 bytes"));
    }

    #[test]
    fn bytes_come_out_as_the_operator_says() {
        let value = |kept, encoding| {
            pick(None, Some(encoding))
                .value(&kept)
                .map(|value| value.to_string())
        };
        assert_eq!(
            value(bytes(&[0xff, 0xfe]), Encoding::Base64).as_deref(),
            Ok("//4=")
        );
        assert_eq!(value(bytes(b"text"), Encoding::Utf8).as_deref(), Ok("text"));
        assert_eq!(value(text("text"), Encoding::Utf8).as_deref(), Ok("text"));
        assert_eq!(
            value(text("text"), Encoding::Base64).as_deref(),
            Ok("dGV4dA==")
        );
        assert!(
            value(bytes(&[0xff]), Encoding::Utf8)
                .unwrap_err()
                .contains("other bytes")
        );
    }

    #[test]
    fn a_key_is_taken_out_of_text_and_of_bytes_that_are_text() {
        let json = r#"{"a": "x\u0000", "b": "y"}"#;
        let value = |key, kept| {
            pick(Some(key), Some(Encoding::Utf8))
                .value(&kept)
                .map(|value| value.to_string())
        };
        assert_eq!(value("b", text(json)).as_deref(), Ok("y"));
        assert_eq!(value("b", bytes(json.as_bytes())).as_deref(), Ok("y"));
        assert!(value("a", text(json)).unwrap_err().contains("NUL"));
    }
}
