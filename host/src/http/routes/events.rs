//! What has happened, to admins: as a list, and as it happens.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri, header},
    response::{IntoResponse as _, Response},
};

use schemars::{Schema, json_schema};

use super::workspaces::workspace_id;
use crate::{
    events::Filter,
    http::{
        Api,
        auth::Admin,
        error::ApiError,
        query::{self, Many, Parameter, Query},
        stream::LAST_EVENT_ID,
        view,
    },
    provision::Problem,
    schema::{self, Field},
    store::{Kept, StoreError},
    workspace_id::WorkspaceId,
};

/// The type of an answer that goes on.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
/// How many events a list has if nobody says, and at most.
const LIMITS: (u32, u32) = (100, 1000);

/// The header with the place to go on from.
pub(crate) const LAST_EVENT: Field = Field::new(
    "Last-Event-ID",
    "The last event that the client has seen; counts more than `after`, as a client that comes back sends it. Empty, it is none.",
    || json_schema!({"anyOf": [seq(), {"type": "string", "maxLength": 0}]}),
);

/// The parameters of [`follow`].
pub(crate) const FOLLOW: [Parameter; 4] = [
    Parameter::one(
        "after",
        "Begin behind this event, without loss or double; 0 begins with the oldest that is kept. Without it, and without a \
         `Last-Event-ID`, the stream begins with what happens next.",
        seq,
    ),
    Parameter::several(
        Many::Commas,
        "type",
        "Only events of these types; `workspace.*` for all that begin so.",
        || json_schema!({"type": "array", "minItems": 1, "items": {"type": "string", "enum": Filter::all_kinds()}}),
    ),
    Parameter::several(
        Many::Commas,
        "tenant",
        "Only events of these tenants.",
        || json_schema!({"type": "array", "items": query::text()}),
    ),
    Parameter::one(
        "workspace",
        "Only events of this workspace.",
        WorkspaceId::schema,
    ),
];

/// The parameters of [`of_workspace`].
pub(crate) const PAGE: [Parameter; 2] = [
    Parameter::one(
        "after",
        "`next` of the page before; 0, as without it, begins with the oldest that is kept.",
        seq,
    ),
    Parameter::one("limit", "The most on a page.", || {
        let (default, most) = LIMITS;
        json_schema!({"type": "integer", "minimum": 1, "maximum": most, "default": default})
    }),
];

fn seq() -> Schema {
    schema::number(0, i64::MAX.unsigned_abs())
}

/// `GET /events?type=…&tenant=…&workspace=…&after=N`: all events from now on, or from behind `after` or `Last-Event-ID`.
pub(crate) async fn follow(
    admin: Admin,
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let mut query = Query::new(&uri, &FOLLOW)?;
    let after = after(&headers, &mut query)?;
    let mut filter = Filter::default();
    if let Some(kinds) = query.take("type") {
        let kinds = filter.of_kinds(kinds.split(','));
        filter = kinds.map_err(|error| refused("type", error.to_string()))?;
    }
    if let Some(tenants) = query.take("tenant") {
        filter = filter.of_tenants(tenants.split(',').map(str::to_owned));
    }
    if let Some(id) = query.take("workspace") {
        let id = WorkspaceId::try_from(id);
        filter = filter.of_workspace(id.map_err(|error| refused("workspace", error.to_string()))?);
    }
    let kept = api.events.kept().await.map_err(failed)?;
    let after = place(after.unwrap_or(kept.last), kept)?;
    api.streams.answer(admin, api.events.follow(filter, after))
}

/// `GET /workspaces/{id}/events?after=N&limit=N`: those of one workspace, also of one that was deleted. With
/// `Accept: text/event-stream` it goes on with those that are still to come.
pub(crate) async fn of_workspace(
    admin: Admin,
    State(api): State<Arc<Api>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, ApiError> {
    let id = workspace_id(id)?;
    let follows = accepts_stream(&headers);
    let mut query = Query::new(&uri, &PAGE)?;
    let limit =
        number(&mut query, "limit")?.map_or(Ok(LIMITS.0), |limit| match limit.try_into() {
            Ok(limit) if (1..=LIMITS.1).contains(&limit) => Ok(limit),
            Ok(_) | Err(_) => Err(refused(
                "limit",
                format!("expected a number from 1 to {}, found another", LIMITS.1),
            )),
        })?;
    let after = after(&headers, &mut query)?.unwrap_or_default();
    if !api.events.knows(&id).await.map_err(failed)? {
        return Err(ApiError::no_workspace());
    }
    let after = place(after, api.events.kept().await.map_err(failed)?)?;
    if follows {
        let filter = Filter::default().of_workspace(id);
        return api.streams.answer(admin, api.events.follow(filter, after));
    }
    let page = api.events.of(&id, after, limit).await.map_err(failed)?;
    let view = view::Events {
        events: &page.events,
        next: page.next,
    };
    Ok(Json(view).into_response())
}

/// What follows `after` is all there; 0 stands for the oldest that is kept.
fn place(after: i64, kept: Kept) -> Result<i64, ApiError> {
    let after = if after == 0 { kept.first - 1 } else { after };
    if kept.follows(after) {
        Ok(after)
    } else {
        Err(ApiError::events_gone(kept.first - 1, kept.last))
    }
}

/// After which event to go on. A browser that comes back repeats the query it began with, and knows better by the header.
fn after(headers: &HeaderMap, query: &mut Query) -> Result<Option<i64>, ApiError> {
    let asked = number(query, "after")?;
    match headers.get(LAST_EVENT_ID).map(|id| id.to_str()) {
        None => Ok(asked),
        Some(Ok("")) => Ok(asked),
        Some(id) => whole(LAST_EVENT.name, id.unwrap_or_default()).map(Some),
    }
}

fn number(query: &mut Query, name: &str) -> Result<Option<i64>, ApiError> {
    let text = query.take(name);
    text.map(|text| whole(name, &text)).transpose()
}

fn whole(name: &str, text: &str) -> Result<i64, ApiError> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| {
        let problem = "expected a whole number from 0 up, found something else: give the number of an event as it was sent, or none";
        refused(name, problem)
    })
}

fn accepts_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.split(';').next())
        .any(|part| part.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

fn refused(field: &str, problem: impl Into<String>) -> ApiError {
    query::refused(vec![Problem::new(field, problem)])
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn failed(error: StoreError) -> ApiError {
    ApiError::internal("[events] reading failed", error.to_string())
}
