//! The `Idempotency-Key` of a request: the header of the IETF draft, whose value is a structured string. A bare one is
//! taken, too, because most clients send it so.

use axum::http::{HeaderMap, HeaderName};
use schemars::json_schema;

use crate::{http::error::ApiError, provision::Problem, schema::Field};

/// The header that a client sends.
pub(crate) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key, in bytes.
const MAX_KEY: usize = 255;

/// The header, for the description of the API.
pub(crate) const FIELD: Field = Field::new(
    "Idempotency-Key",
    "A random UUID, for example, in quotes or not. For a day the same request with the same key starts nothing: it is answered like the first, with the \
     workspace as it is now. Each admin has keys of their own. A key is not used up by an answer 400, 401, 403, 413, 415 or 429.",
    || {
        let key = format!(r"[!#-\[\]-~]{{1,{MAX_KEY}}}");
        json_schema!({"type": "string", "pattern": format!("^(?:{key}|\"{key}\")$")})
    },
);

/// The key, if the request has one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut given = headers.get_all(KEY).iter();
    let Some(value) = given.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let key = quoted.unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(plain) && given.next().is_none() {
        return Ok(Some(key));
    }
    let problem = format!(
        "expected one key of 1 to {MAX_KEY} visible ASCII characters without quotes and backslashes, found something else: a random UUID is one"
    );
    Err(ApiError::problems(
        "the headers are not valid",
        vec![Problem::new(FIELD.name, problem)],
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let value = |value: &&str| (KEY, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        values.iter().map(value).collect()
    }

    #[test]
    fn a_key_is_read_with_quotes_and_without() {
        let longest = "k".repeat(MAX_KEY);
        for (given, expected) in [
            ("\"8e03978e-40d5\"", "8e03978e-40d5"),
            ("8e03978e-40d5", "8e03978e-40d5"),
            (&longest, &longest),
        ] {
            assert_eq!(key(&headers(&[given])).unwrap(), Some(expected));
        }
        assert_eq!(key(&headers(&[])).unwrap(), None);
        let longer = format!("{longest}k");
        for refused in [
            &[""][..],
            &["\"\""],
            &["a b"],
            &["\"a"],
            &["a\\b"],
            &["ü"],
            &["a", "a"],
            &[&longer],
        ] {
            assert!(key(&headers(refused)).is_err(), "{refused:?}");
        }
    }
}
