//! A config against the JSON Schema in the manifest. Errors name the place and what is expected there, and never the
//! value: it may be a secret.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::config::{kind, shown};
use crate::mismatch::{Mismatch, Mismatches};

/// More than these help nobody.
const MAX_MISMATCHES: usize = 16;

/// How alike two keys must be for a suggestion, from 0 to 1.
const ALIKE: f64 = 0.7;

const CORRECT: &str = "correct the plugin's config";

/// All that is wrong with `config`. Without a schema, only `{}` is right.
pub(super) fn check(schema: Option<&Value>, config: &Value) -> Mismatches {
    let Some(schema) = schema else {
        return without_schema(config);
    };
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => {
            return Mismatches::one(Mismatch::new(
                "a JSON Schema as config_schema in the manifest",
                format!("at {}: {error}", shown(error.instance_path().as_str())),
                "correct the manifest and build the plugin again",
            ));
        }
    };
    let errors = validator.iter_errors(config).take(MAX_MISMATCHES);
    Mismatches(errors.flat_map(|error| explain(&error, schema)).collect())
}

fn without_schema(config: &Value) -> Mismatches {
    match config.as_object() {
        Some(fields) if !fields.is_empty() => {
            let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
            Mismatches::one(Mismatch::new(
                "no config, because the plugin declares no config_schema",
                format!("the keys {}", keys.join(", ")),
                "remove the plugin's config",
            ))
        }
        _ => Mismatches::default(),
    }
}

fn explain(error: &ValidationError<'_>, schema: &Value) -> Vec<Mismatch> {
    let place = shown(error.instance_path().as_str());
    let mismatch = |expected: String, found: &str| {
        Mismatch::new(format!("at {place}: {expected}"), found, CORRECT)
    };
    let kind_of_error = error.kind();
    if let Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } =
        kind_of_error
    {
        let known = known_keys(error, schema);
        return unexpected
            .iter()
            .map(|key| unknown_key(place, key, &known))
            .collect();
    }
    if let Kind::Required { property } = kind_of_error {
        let name = property.as_str().unwrap_or_default();
        return vec![mismatch(format!("the key {name}"), "none of that name")];
    }
    vec![mismatch(expected(kind_of_error), kind(error.instance()))]
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the library's many kinds, the keyword says enough; its own text would repeat keys and values"
)]
fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Type {
            kind: TypeKind::Single(one),
        } => format!("type {one}"),
        Kind::Enum { options } => format!("one of {options}"),
        Kind::Constant { expected_value } => expected_value.to_string(),
        Kind::Pattern { pattern } => format!("a string that matches {pattern}"),
        Kind::Format { format } => format!("a string in the format {format}"),
        Kind::MinLength { limit } => format!("at least {limit} characters"),
        Kind::MaxLength { limit } => format!("at most {limit} characters"),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::MinItems { limit } => format!("at least {limit} items"),
        Kind::MaxItems { limit } => format!("at most {limit} items"),
        other => format!("what {} in the schema asks for", other.keyword()),
    }
}

fn unknown_key(place: &str, key: &str, known: &[&str]) -> Mismatch {
    let remedy = match nearest(key, known) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("remove it, or use one of {}", known.join(", ")),
    };
    Mismatch::new(
        format!("at {place}: keys that the plugin knows"),
        key,
        remedy,
    )
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|near| (strsim::jaro_winkler(key, near), *near))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, near)| near)
}

/// The keys that the part of the schema allows in which the error arose.
fn known_keys<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Vec<&'a str> {
    let keyword = error.schema_path().as_str();
    let part = keyword
        .rsplit_once('/')
        .and_then(|(part, _)| schema.pointer(part));
    let properties = part
        .and_then(|part| part.get("properties"))
        .and_then(Value::as_object);
    properties
        .into_iter()
        .flat_map(|fields| fields.keys().map(String::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["app_id"],
            "additionalProperties": false,
            "properties": {
                "app_id": { "type": "integer", "minimum": 1 },
                "private_key": { "type": "string", "pattern": "^-----BEGIN", "minLength": 5 },
                "mode": { "enum": ["a", "b"] },
                "nested": { "additionalProperties": false, "properties": { "inner": { "type": "string" } } },
            },
        })
    }

    fn complaint(config: &Value) -> String {
        check(Some(&schema()), config).to_string()
    }

    #[test]
    fn a_right_config_passes() {
        let config = json!({ "app_id": 1, "mode": "a", "nested": { "inner": "x" } });
        assert!(check(Some(&schema()), &config).is_empty());
    }

    #[test]
    fn a_typo_gets_a_suggestion_and_the_missing_key_is_named() {
        let text = complaint(&json!({ "ap_id": 1 }));
        assert!(
            text.contains(
                "at the top level: keys that the plugin knows, found ap_id; did you mean app_id?"
            ),
            "{text}"
        );
        assert!(
            text.contains("expected at the top level: the key app_id, found none of that name"),
            "{text}"
        );
        let text = complaint(&json!({ "app_id": 1, "nested": { "iner": "" } }));
        assert!(
            text.contains(
                "at /nested: keys that the plugin knows, found iner; did you mean inner?"
            ),
            "{text}"
        );
        let text = complaint(&json!({ "app_id": 1, "zzz": 1 }));
        assert!(
            text.contains("use one of app_id, mode, nested, private_key"),
            "{text}"
        );
    }

    #[test]
    fn values_are_never_told() {
        let wrong = json!({
            "app_id": "hunter2", "private_key": "hunter2", "mode": "hunter2", "nested": { "inner": ["hunter2"] },
        });
        let text = complaint(&wrong);
        assert!(!text.contains("hunter2"), "{text}");
        for expected in [
            "expected at /app_id: type integer, found a string",
            "expected at /private_key: a string that matches ^-----BEGIN, found a string",
            "expected at /mode: one of [\"a\",\"b\"], found a string",
            "expected at /nested/inner: type string, found an array",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn values_are_not_told_by_the_kinds_that_have_no_text_of_their_own() {
        let schema = json!({ "properties": {
            "a": { "not": { "type": "string" } },
            "b": { "anyOf": [{ "type": "integer" }, { "maxLength": 1 }] },
            "c": { "oneOf": [{ "type": "integer" }, { "maxLength": 1 }] },
            "d": { "uniqueItems": true, "contains": { "const": 1 } },
            "e": { "propertyNames": { "maxLength": 1 } },
            "f": { "multipleOf": 7 },
        } });
        let config = json!({
            "a": "hunter2", "b": "hunter2", "c": "hunter2", "d": ["hunter2", "hunter2"], "e": { "hunter2": 1 }, "f": 4712,
        });
        let text = check(Some(&schema), &config).to_string();
        for pointer in ["/a", "/b", "/c", "/d", "/e", "/f"] {
            assert!(text.contains(&format!("expected at {pointer}:")), "{text}");
        }
        assert!(
            !text.contains("hunter2") && !text.contains("4712"),
            "{text}"
        );
    }

    #[test]
    fn without_a_schema_there_is_no_config() {
        assert!(check(None, &json!({})).is_empty());
        assert!(
            check(None, &json!({ "a": 1 }))
                .to_string()
                .contains("found the keys a")
        );
    }

    #[test]
    fn a_schema_that_is_none_is_the_plugins_mistake() {
        for schema in [
            json!({ "type": 1 }),
            json!({ "$ref": "https://example.com/schema" }),
        ] {
            let text = check(Some(&schema), &json!({})).to_string();
            assert!(
                text.contains("expected a JSON Schema as config_schema"),
                "{text}"
            );
        }
    }
}
