//! Lengths of time as Vault's API takes them: a number of seconds, or text such as `1h30m`.

use std::time::Duration;

use serde::{Deserialize as _, Deserializer, de};
use serde_json::Value;

/// Reads a number of seconds, digits, or text with units.
pub(crate) fn parse(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(seconds) => seconds.as_u64().map(Duration::from_secs),
        Value::String(text) => text
            .parse()
            .map(Duration::from_secs)
            .ok()
            .or_else(|| humantime::parse_duration(text).ok()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    parse(&value).map(Some).ok_or_else(|| {
        de::Error::custom(format!(
            "expected seconds or a length such as \"90s\", found {value}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_form_is_read() {
        for (value, seconds) in [
            (json!(90), Some(90)),
            (json!("90"), Some(90)),
            (json!("1m30s"), Some(90)),
            (json!("1h"), Some(3600)),
            (json!("soon"), None),
            (json!(null), None),
            (json!(-1), None),
        ] {
            assert_eq!(parse(&value), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
