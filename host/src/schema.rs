//! What a request may hold, as data: parsers refuse what is not listed here, and the description of the API shows what is.
//!
//! A field cannot be read without its schema, so the two do not drift apart; what the schema says of a value stands on the same
//! constants as the check.

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

/// Text without control characters.
pub(crate) const PRINTABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// Text without NUL.
pub(crate) const WITHOUT_NUL: &str = r"^[^\u0000]*$";

/// A field of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is for. Markdown.
    pub(crate) about: &'static str,
    /// What may stand in it. Null need not be named: it stands for a field that is absent, unless the field is required.
    pub(crate) schema: fn() -> Schema,
}

impl Field {
    pub(crate) const fn new(
        name: &'static str,
        about: &'static str,
        schema: fn() -> Schema,
    ) -> Self {
        Self {
            name,
            about,
            schema,
        }
    }
}

/// An object of these fields and no others.
pub(crate) fn object(fields: &[Field], required: &[&str]) -> Schema {
    let property = |field: &Field| {
        let mut schema = (field.schema)();
        if !required.contains(&field.name) {
            schema = or_null(&schema);
        }
        schema.insert("description".to_owned(), field.about.into());
        (field.name.to_owned(), schema.to_value())
    };
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    json_schema!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// What `schema` lets through, and null.
fn or_null(schema: &Schema) -> Schema {
    let mut schema = schema.clone();
    if let Some(kind) = schema.get("type").cloned() {
        schema.insert("type".to_owned(), json!([kind, "null"]));
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
    schema
}

/// One of these words.
pub(crate) fn words(words: &[&str]) -> Schema {
    json_schema!({"type": "string", "enum": words})
}

/// A whole number within these bounds.
pub(crate) fn number(least: u64, most: u64) -> Schema {
    json_schema!({"type": "integer", "minimum": least, "maximum": most})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_stands_for_an_absent_field() {
        let fields = [
            Field::new("a", "A.", || words(&["x"])),
            Field::new("b", "B.", || number(1, 2)),
        ];
        let schema = object(&fields, &["b"]);
        let expected = json!({
            "type": "object",
            "properties": {
                "a": {"type": ["string", "null"], "enum": ["x", null], "description": "A."},
                "b": {"type": "integer", "minimum": 1, "maximum": 2, "description": "B."},
            },
            "required": ["b"],
            "additionalProperties": false,
        });
        assert_eq!(schema.to_value(), expected);
    }
}
