//! What a request for a workspace may hold.

use schemars::{Schema, json_schema};

use super::{MAX_ARGUMENTS, MAX_LABELS, MAX_TEXT, MAX_VARIABLES};
use crate::{
    env::{MAX_NAME_BYTES, MAX_STRING_BYTES, PLATFORM_PREFIX},
    provision::{container, ttl},
    schema::{Field, PRINTABLE, WITHOUT_NUL, object},
    workspace_id::WorkspaceId,
};

/// The fields of a request.
pub(super) const FIELDS: [Field; 10] = [
    Field::new(
        "id",
        "An id of your own: with it, a repeated request starts nothing twice. A random one is drawn without it.",
        WorkspaceId::schema,
    ),
    Field::new("name", "A name for people; need not be unique.", text),
    Field::new("tenant", "The tenant that it belongs to.", text),
    Field::new("role", "What its agent is there for.", text),
    Field::new("labels", "For selectors and filters.", labels),
    Field::new("command", "The program to run, and its arguments.", command),
    Field::new(
        "env",
        "Variables of its environment; plugins may replace them. No answer shows a value. `NAME=VALUE` and its end may have \
         131072 bytes, which is what a process can be given.",
        env,
    ),
    ttl::SECONDS,
    ttl::AFTER,
    Field::new(
        "container",
        "What is wanted beyond the operator's choice, where the platform's runtime has containers. The `local` runtime takes \
         `resources` alone, where it can limit them, and answers 400 to anything else.",
        container::schema,
    ),
];

/// The fields that must be there.
const REQUIRED: [&str; 1] = ["command"];

/// The whole of a request.
pub(super) fn schema() -> Schema {
    object(&FIELDS, &REQUIRED)
}

fn text() -> Schema {
    json_schema!({"type": "string", "maxLength": MAX_TEXT, "pattern": PRINTABLE})
}

fn labels() -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_LABELS,
        "propertyNames": {"minLength": 1, "maxLength": MAX_TEXT, "pattern": PRINTABLE},
        "additionalProperties": text(),
    })
}

fn command() -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_ARGUMENTS,
        "prefixItems": [{"type": "string", "minLength": 1, "pattern": WITHOUT_NUL}],
        "items": {"type": "string", "pattern": WITHOUT_NUL},
    })
}

fn env() -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": MAX_VARIABLES,
        "propertyNames": {
            "maxLength": MAX_NAME_BYTES,
            "pattern": format!("^(?!{PLATFORM_PREFIX})[A-Za-z_][A-Za-z0-9_]*$"),
        },
        // With the shortest name; characters of several bytes make it less.
        "additionalProperties": {"type": "string", "maxLength": MAX_STRING_BYTES - 3, "pattern": WITHOUT_NUL},
    })
}
