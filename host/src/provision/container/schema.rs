//! What the `container` of a request may hold.

use schemars::{Schema, json_schema};

use super::{
    LEAST_MEMORY, MAX_MOUNTS, MAX_RESTARTS, MAX_TEXT, MOST_MEMORY, MOST_MILLICPUS, MOST_PIDS,
};
use crate::{
    container::Image,
    schema::{Field, number, object},
};

/// The fields of a container.
pub(in crate::provision) const FIELDS: [Field; 6] = [
    Field::new(
        "image",
        "Such as `ghcr.io/acme/agent:3` or `agent@sha256:…`.",
        Image::schema,
    ),
    Field::new(
        "user",
        "Who the command runs as: `name`, `uid` or `uid:gid`.",
        || text(&anchored(&word(".:-"))),
    ),
    Field::new("network", "The network that it is connected to.", || {
        text(&anchored(&word(".-")))
    }),
    Field::new("mounts", "What of the outside it sees.", mounts),
    Field::new("resources", "The most that it may use.", || {
        object(&RESOURCES, &[])
    }),
    Field::new(
        "max_restarts",
        "How many times the runtime starts the command again when it ends with another code than 0; none without it.",
        || number(0, MAX_RESTARTS),
    ),
];

/// The fields of a mount.
pub(super) const MOUNT: [Field; 3] = [
    Field::new(
        "source",
        "An absolute path on the machine of the runtime, or the name of a volume.",
        || text(&format!("^(?:{}|{})$", word(".-"), path())),
    ),
    Field::new("target", "An absolute path in the container.", || {
        text(&anchored(&path()))
    }),
    Field::new(
        "read_only",
        "Whether the container may not write there.",
        || json_schema!({"type": "boolean"}),
    ),
];

/// The fields of its limits; what is left out is not limited.
pub(super) const RESOURCES: [Field; 3] = [
    Field::new("millicpus", "Thousandths of a processor.", || {
        number(1, MOST_MILLICPUS)
    }),
    Field::new("memory_bytes", "Bytes of memory, without swap.", || {
        number(LEAST_MEMORY, MOST_MEMORY)
    }),
    Field::new("pids", "Processes and threads at once.", || {
        number(1, MOST_PIDS)
    }),
];

/// The whole of it.
pub(in crate::provision) fn schema() -> Schema {
    object(&FIELDS, &[])
}

fn mounts() -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": MAX_MOUNTS,
        "items": object(&MOUNT, &["source", "target"]),
    })
}

fn text(pattern: &str) -> Schema {
    json_schema!({"type": "string", "maxLength": MAX_TEXT, "pattern": pattern})
}

fn anchored(pattern: &str) -> String {
    format!("^{pattern}$")
}

/// Letters, digits and these, the last of which is `-`; begins and ends with a letter, a digit or `_`.
fn word(others: &str) -> String {
    format!("[A-Za-z0-9_](?:[A-Za-z0-9_{others}]*[A-Za-z0-9_])?")
}

fn path() -> String {
    r"(?:/(?!\.{1,2}(?:/|$))[^/:\u0000-\u001f\u007f-\u009f]*)+".to_owned()
}
