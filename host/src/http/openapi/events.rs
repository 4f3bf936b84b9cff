//! What has happened, and what happens.

use axum::http::{StatusCode, header};
use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::{answer::Answer, described::Described};
use crate::{
    http::{
        error::ApiError,
        routes::events::{EVENT_STREAM, FOLLOW, LAST_EVENT, PAGE},
        view,
    },
    store::Event,
};

const TAG: &str = "events";

pub(super) fn of_workspace(schemas: &mut SchemaGenerator) -> Described {
    let sent = sent(schemas);
    let page = Answer::json::<view::Events<'_>>(
        "A page of events; or a stream of them, with `Accept: text/event-stream`.",
        schemas,
    );
    Described::open(
        TAG,
        "workspaceEvents",
        "Read the events of a workspace",
        "The oldest first, also of a workspace that was deleted. With `Accept: text/event-stream` the answer begins with the oldest and goes on with \
         those to come.",
    )
    .for_admins(schemas)
    .works(schemas)
    .asks(schemas, &PAGE)
    .heeds(&LAST_EVENT)
    .fails(
        schemas,
        [
            ApiError::no_workspace(),
            ApiError::events_gone(12, 345),
            ApiError::many_streams(),
        ],
    )
    .answers(
        StatusCode::OK,
        page.sent_as(EVENT_STREAM, sent)
            .perhaps_with(&header::CACHE_CONTROL),
    )
}

pub(super) fn follow(schemas: &mut SchemaGenerator) -> Described {
    let sent = sent(schemas);
    let stream = Answer::new(
        "Server-sent events as they happen: `id` is `seq`, `event` the type, `data` an `Event` as JSON on one line. Every 15 s of silence an \
         `id` comes without data.",
    );
    Described::open(
        TAG,
        "events",
        "Follow what happens",
        "Goes on until the client leaves, the platform shuts down, or the admin token is taken away. A slow reader is read for at its own pace; \
         one that falls behind what is kept is cut off.",
    )
    .for_admins(schemas)
    .works(schemas)
    .asks(schemas, &FOLLOW)
    .heeds(&LAST_EVENT)
    .fails(
        schemas,
        [ApiError::events_gone(12, 345), ApiError::many_streams()],
    )
    .answers(
        StatusCode::OK,
        stream
            .sent_as(EVENT_STREAM, sent)
            .not_stored(),
    )
}

/// One event of a stream: as OpenAPI before 3.2 has it, the schema of a stream is that of each of its parts.
fn sent(schemas: &mut SchemaGenerator) -> Value {
    let event = schemas.subschema_for::<Event>();
    json!({
        "type": "object",
        "description": "One server-sent event.",
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9]+$", "description": "Its `seq`, for `Last-Event-ID`."},
            "event": {"type": "string", "description": "Its type."},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": event},
        },
        "required": ["id", "event", "data"],
    })
}
