//! What is written for operators says what the schema says.

use serde_json::Value;

/// Panics unless the page shows the example, and describes each of the schema's fields in a table, as the schema does.
#[track_caller]
pub fn assert_documented(schema: &str, example: &str, page: &str) {
    assert!(
        page.contains(example.trim()),
        "the page shows another example than the file"
    );
    let schema: Value = serde_json::from_str(schema).unwrap();
    for (field, described) in schema["properties"].as_object().unwrap() {
        assert!(
            described["description"].is_string(),
            "{field} has no description in the schema"
        );
        assert!(
            page.contains(&format!("| `{field}`")),
            "{field} is not in a table of the page"
        );
    }
}
