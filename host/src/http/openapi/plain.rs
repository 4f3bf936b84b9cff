//! The schemas of answers as generators of clients understand them: without nulls that are never sent, and words as one list.

use serde_json::{Value, json};

/// Says the same in plainer words.
pub(super) fn simplify(schema: &mut Value) {
    never_null(schema);
    as_list(schema);
}

/// What an answer may leave out is left out where there is none, and never null.
fn never_null(schema: &mut Value) {
    let required = schema["required"].clone();
    let is_required = |name: &String| {
        let mut required = required.as_array().into_iter().flatten();
        required.any(|required| *required == **name)
    };
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if is_required(name) {
            continue;
        }
        if let Some(kinds) = property["type"].as_array() {
            let kind = kinds.iter().find(|kind| **kind != "null").cloned();
            property["type"] = kind.unwrap_or_default();
        }
        if let Some(Value::Array(forms)) = property.get_mut("anyOf") {
            forms.retain(|form| form["type"] != "null");
        }
    }
}

/// Words, each of which has a schema of its own for the sake of its description, as one list with one description.
fn as_list(schema: &mut Value) {
    let forms = schema["oneOf"].as_array().into_iter().flatten();
    let described: Option<Vec<_>> = forms
        .map(|form| Some((form["const"].as_str()?, form["description"].as_str()?)))
        .collect();
    let Some(described) = described.filter(|words| !words.is_empty()) else {
        return;
    };
    let words: Vec<_> = described.iter().map(|(word, _)| *word).collect();
    let lines = described
        .iter()
        .map(|(word, about)| format!("\n- `{word}`: {about}"));
    let about = schema["description"].as_str().unwrap_or_default();
    let about = format!("{about}\n{}", lines.collect::<String>());
    *schema = json!({"type": "string", "enum": words, "description": about});
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;
    use crate::store::AfterTtl;

    #[test]
    fn words_become_one_list() {
        let mut schema = schema_for!(AfterTtl).to_value();
        simplify(&mut schema);
        assert_eq!(schema["enum"], json!(["stop", "delete"]));
        let about = schema["description"].as_str().unwrap();
        assert!(about.contains("\n- `delete`: It is stopped, and removed with everything."));
    }

    #[test]
    fn what_is_left_out_is_not_null() {
        let mut schema = json!({
            "properties": {
                "a": {"type": ["string", "null"]},
                "b": {"type": ["integer", "null"]},
                "c": {"anyOf": [{"$ref": "#/x"}, {"type": "null"}]},
            },
            "required": ["a"],
        });
        simplify(&mut schema);
        let expected = json!({
            "a": {"type": ["string", "null"]},
            "b": {"type": "integer"},
            "c": {"anyOf": [{"$ref": "#/x"}]},
        });
        assert_eq!(schema["properties"], expected);
    }
}
