//! Workspaces and their lives.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::SchemaGenerator;
use serde_json::json;

use super::{
    answer::Answer,
    described::{Described, WORKSPACE},
};
use crate::{
    http::{
        error::ApiError,
        idempotency, listing,
        routes::workspaces::{LOGS, OUTPUT, read},
        view,
    },
    provision::{ProvisionErrorKind, Reason},
    store::WorkspaceState,
};

const TAG: &str = "workspaces";

/// What can be asked for of a workspace by its id.
const BY_ID: [&str; 8] = [
    "showWorkspace",
    "restartWorkspace",
    "stopWorkspace",
    "pauseWorkspace",
    "resumeWorkspace",
    "workspaceLogs",
    "workspaceEvents",
    "deleteWorkspace",
];

pub(super) fn list(schemas: &mut SchemaGenerator) -> Described {
    let page = Answer::json::<view::Page>("A page of the list.", schemas);
    Described::open(
        TAG,
        "listWorkspaces",
        "List workspaces",
        "The oldest first. From page to page, no workspace is missed or repeated that is there all the time.",
    )
    .for_admins(schemas)
    .works(schemas)
    .asks(schemas, &listing::PARAMETERS)
    .answers(StatusCode::OK, page.perhaps_with(&header::LINK))
}

pub(super) fn create(schemas: &mut SchemaGenerator) -> Described {
    let example = json!({
        "id": "ws-mine", "name": "demo", "tenant": "acme", "role": "reviewer", "labels": {"team": "web"},
        "command": ["sh", "-c", "git fetch"], "env": {"EDITOR": "vi"},
    });
    let created = Answer::json::<view::WithToken<'_>>(
        "The workspace runs. Or it was created by the same request before, and this is what has become of it.",
        schemas,
    );
    let operation = Described::open(
        TAG,
        "createWorkspace",
        "Create a workspace",
        "Records it, runs the plugins, and starts it; answers when it runs or has failed. One that failed is on record.",
    )
    .for_admins(schemas)
    .asks_nothing(schemas)
    .heeds(&idempotency::FIELD)
    .takes(schemas, WORKSPACE, &example)
    .fails(schemas, read(json!({"comand": ["sh"]})).err())
    .fails(schemas, idempotency::key(&without_key()).err())
    .fails_with(
        schemas,
        [
            ProvisionErrorKind::Exists,
            ProvisionErrorKind::InProgress,
            ProvisionErrorKind::Deleted,
            ProvisionErrorKind::KeyReused,
        ],
    );
    provisions(operation, schemas).answers(
        StatusCode::CREATED,
        created
            .not_stored()
            .with(&header::LOCATION)
            .perhaps_with(&idempotency::REPLAYED)
            .leads_to(&BY_ID),
    )
}

fn without_key() -> HeaderMap {
    HeaderMap::from_iter([(idempotency::KEY, HeaderValue::from_static(""))])
}

pub(super) fn restart(schemas: &mut SchemaGenerator) -> Described {
    let runs = Answer::json::<view::WithToken<'_>>("The workspace runs again.", schemas);
    let operation = one(
        schemas,
        "restartWorkspace",
        "Restart a workspace",
        "Stops it if it runs, runs the plugins anew, and starts it with a new token. Its files stay.",
    );
    let operation = operation.asks_nothing(schemas);
    provisions(operation, schemas).answers(StatusCode::OK, runs.not_stored().leads_to(&BY_ID))
}

pub(super) fn show(schemas: &mut SchemaGenerator) -> Described {
    let full = Answer::json::<view::Full<'_>>("The workspace.", schemas);
    one(
        schemas,
        "showWorkspace",
        "Show a workspace",
        "With who set which variable and put which file, and never a value or a byte.",
    )
    .asks_nothing(schemas)
    .answers(StatusCode::OK, full)
}

pub(super) fn stop(schemas: &mut SchemaGenerator) -> Described {
    let full = Answer::json::<view::Full<'_>>("The workspace, which has ended.", schemas);
    one(
        schemas,
        "stopWorkspace",
        "Stop a workspace",
        "TERM, and KILL after `workspace.stop_grace`. It keeps its files and its output.",
    )
    .fails_with(schemas, CHANGE)
    .asks_nothing(schemas)
    .answers(StatusCode::OK, full)
}

pub(super) fn pause(schemas: &mut SchemaGenerator) -> Described {
    let full = Answer::json::<view::Full<'_>>("The workspace, which stands still.", schemas);
    one(
        schemas,
        "pauseWorkspace",
        "Pause a workspace",
        "Lets nothing of it go on until it is resumed. Does nothing to a paused one.",
    )
    .fails_with(schemas, CHANGE)
    .fails_with(schemas, PAUSE)
    .asks_nothing(schemas)
    .answers(StatusCode::OK, full)
}

pub(super) fn resume(schemas: &mut SchemaGenerator) -> Described {
    let full = Answer::json::<view::Full<'_>>("The workspace, which goes on.", schemas);
    one(
        schemas,
        "resumeWorkspace",
        "Resume a workspace",
        "Lets a paused workspace go on. Does nothing to a running one.",
    )
    .fails_with(schemas, CHANGE)
    .fails_with(schemas, PAUSE)
    .asks_nothing(schemas)
    .answers(StatusCode::OK, full)
}

pub(super) fn delete(schemas: &mut SchemaGenerator) -> Described {
    one(
        schemas,
        "deleteWorkspace",
        "Delete a workspace",
        "Stops it, and removes its files, its output and its record.",
    )
    .fails_with(schemas, CHANGE)
    .asks_nothing(schemas)
    .answers(StatusCode::NO_CONTENT, Answer::new("It is gone."))
}

pub(super) fn logs(schemas: &mut SchemaGenerator) -> Described {
    let bytes = Answer::new("The bytes that it has written last, as they are.");
    one(
        schemas,
        "workspaceLogs",
        "Read the output of a workspace",
        "With `follow=true` it goes on with what the workspace writes.",
    )
    .asks(schemas, &LOGS)
    .fails(schemas, [ApiError::many_streams()])
    .fails_with(schemas, [ProvisionErrorKind::RuntimeUnavailable])
    .answers(
        StatusCode::OK,
        // Bytes without a schema, as the specification has it.
        bytes
            .sent_as(OUTPUT, json!({}))
            .not_stored()
            .with(&header::X_CONTENT_TYPE_OPTIONS),
    )
}

/// How a change of a workspace may fail.
const CHANGE: [ProvisionErrorKind; 3] = [
    ProvisionErrorKind::ShuttingDown,
    ProvisionErrorKind::RuntimeUnavailable,
    ProvisionErrorKind::DiskFull,
];

/// How a pause or its end may fail.
const PAUSE: [ProvisionErrorKind; 2] = [
    ProvisionErrorKind::NotRunning(WorkspaceState::Stopped),
    ProvisionErrorKind::Unsupported,
];

/// An operation on one workspace.
fn one(
    schemas: &mut SchemaGenerator,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
) -> Described {
    Described::open(TAG, id, summary, description)
        .for_admins(schemas)
        .works(schemas)
        .fails_with(schemas, [ProvisionErrorKind::NotFound])
}

/// An operation that runs the plugins and starts a workspace.
fn provisions(operation: Described, schemas: &mut SchemaGenerator) -> Described {
    let failed = Reason::ALL.map(|reason| ProvisionErrorKind::Failed(reason, None));
    operation
        .works(schemas)
        .fails_with(schemas, [ProvisionErrorKind::Overloaded])
        .fails_with(schemas, CHANGE)
        .fails_with(schemas, failed)
}
