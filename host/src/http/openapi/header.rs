//! The headers of answers.

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use crate::{http::gate, schema::Field};

/// The headers that answers may have, beside those that HTTP itself needs.
const ALL: [Field; 8] = [
    Field::new(
        "cache-control",
        "Nobody between is to keep the answer.",
        || exactly("no-store"),
    ),
    Field::new(
        "idempotency-replayed",
        "The request was answered before, and nothing was started for it now.",
        || exactly("true"),
    ),
    Field::new(
        "link",
        "The next page, with `rel=\"next\"` (RFC 8288); not on the last.",
        text,
    ),
    Field::new("location", "The path of the workspace.", text),
    Field::new(
        "retry-after",
        "After so many seconds it is worth while to ask again.",
        || json_schema!({"type": "integer", "minimum": 1}),
    ),
    Field::new(
        "www-authenticate",
        "What kind of token is wanted (RFC 6750).",
        text,
    ),
    Field::new(
        "x-content-type-options",
        "The bytes are a workspace's own: no browser may take them for a page.",
        || exactly("nosniff"),
    ),
    Field::new(
        "x-request-id",
        "The request in the platform's log: the caller's own id, if it gave one that can be taken over.",
        || {
            let pattern = format!("^[A-Za-z0-9_.-]{{1,{}}}$", gate::MAX_REQUEST_ID);
            json_schema!({"type": "string", "pattern": pattern})
        },
    ),
];

/// For the components of the document: each as an answer has it that always has it.
pub(super) fn all() -> Map<String, Value> {
    let component = |header: &Field| (header.name.to_owned(), shown(header, true));
    ALL.iter().map(component).collect()
}

/// A header that an answer always has, or now and then.
pub(super) fn of_answer(name: &str, is_always: bool) -> Value {
    match ALL.iter().find(|header| header.name == name) {
        Some(header) if !is_always => shown(header, false),
        _ => json!({"$ref": format!("#/components/headers/{name}")}),
    }
}

fn shown(header: &Field, is_always: bool) -> Value {
    let schema = (header.schema)();
    json!({"description": header.about, "required": is_always, "schema": schema})
}

fn exactly(text: &str) -> Schema {
    json_schema!({"type": "string", "const": text})
}

fn text() -> Schema {
    json_schema!({"type": "string"})
}
