//! The admin's routes to workspaces.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use schemars::json_schema;
use serde_json::Value;

use crate::{
    http::{
        Api,
        auth::Admin,
        body,
        error::ApiError,
        idempotency,
        listing::{self, Listing},
        query::{self, NoParameters, Parameter, Query},
        view,
    },
    provision::{Created, Problem, WorkspaceRequest},
    workspace_id::WorkspaceId,
};

type Id = Result<Path<String>, PathRejection>;

/// `POST /workspaces`: answers when the workspace runs or has failed.
pub(crate) async fn create(
    admin: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let key = idempotency::key(request.headers())?.map(str::to_owned);
    let json = body::json(request, api.limits.max_body, api.limits.body_time).await?;
    let request = read(json)?;
    let created = match &key {
        Some(key) => {
            api.provisioner
                .create_once(request, admin.name(), key)
                .await?
        }
        None => Created::Now(api.provisioner.create(request).await?),
    };
    let (id, mut response) = match &created {
        Created::Now(provisioned) => {
            let id = &provisioned.workspace.record.id;
            admin.did("create", id.as_str());
            (id, Json(view::provisioned(provisioned)).into_response())
        }
        Created::Before { workspace, token } => {
            let id = &workspace.record.id;
            admin.did("repeat the creation of", id.as_str());
            let view = view::repeated(workspace, token.as_ref());
            let mut response = Json(view).into_response();
            let headers = response.headers_mut();
            headers.insert(idempotency::REPLAYED, HeaderValue::from_static("true"));
            (id, response)
        }
    };
    *response.status_mut() = StatusCode::CREATED;
    let location = HeaderValue::try_from(format!("/workspaces/{id}"));
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(no_store(response))
}

/// The request that a body is.
pub(crate) fn read(json: Value) -> Result<WorkspaceRequest, ApiError> {
    let error = "the workspace cannot be created as described";
    WorkspaceRequest::from_json(json).map_err(|problems| ApiError::problems(error, problems))
}

/// `GET /workspaces?limit=N&after=CURSOR&state=…&tenant=…&role=…&name=…&label=k=v`: one page, the oldest first.
pub(crate) async fn list(
    _: Admin,
    State(api): State<Arc<Api>>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let Listing {
        filter,
        after,
        limit,
    } = Listing::of(&uri)?;
    let page = api.provisioner.list(filter, after, limit).await?;
    let next = page.next.map(listing::cursor);
    let link = next.as_deref().and_then(|next| listing::link(&uri, next));
    let mut response = Json(view::page(page, next)).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// `GET /workspaces/{id}`: with who set which variable, and never a value.
pub(crate) async fn show(
    _: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    id: Id,
) -> Result<Response, ApiError> {
    let workspace = api.provisioner.get(&workspace_id(id)?).await?;
    Ok(Json(view::full(&workspace)).into_response())
}

/// `DELETE /workspaces/{id}`: stops it, and removes its files and its log.
pub(crate) async fn delete(
    admin: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    id: Id,
) -> Result<StatusCode, ApiError> {
    let id = workspace_id(id)?;
    admin.did("delete", id.as_str());
    api.provisioner.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /workspaces/{id}/restart`: runs the chain anew, and gives a new token.
pub(crate) async fn restart(
    admin: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    id: Id,
) -> Result<Response, ApiError> {
    let id = workspace_id(id)?;
    admin.did("restart", id.as_str());
    let provisioned = api.provisioner.restart(&id).await?;
    Ok(no_store(
        Json(view::provisioned(&provisioned)).into_response(),
    ))
}

/// `POST /workspaces/{id}/stop`.
pub(crate) async fn stop(
    admin: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    id: Id,
) -> Result<Response, ApiError> {
    let id = workspace_id(id)?;
    admin.did("stop", id.as_str());
    let workspace = api.provisioner.stop(&id).await?;
    Ok(Json(view::full(&workspace)).into_response())
}

/// `POST /workspaces/{id}/pause`.
pub(crate) async fn pause(
    admin: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    id: Id,
) -> Result<Response, ApiError> {
    let id = workspace_id(id)?;
    admin.did("pause", id.as_str());
    let workspace = api.provisioner.pause(&id).await?;
    Ok(Json(view::full(&workspace)).into_response())
}

/// `POST /workspaces/{id}/resume`.
pub(crate) async fn resume(
    admin: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    id: Id,
) -> Result<Response, ApiError> {
    let id = workspace_id(id)?;
    admin.did("resume", id.as_str());
    let workspace = api.provisioner.resume(&id).await?;
    Ok(Json(view::full(&workspace)).into_response())
}

/// The type of what a workspace has written.
pub(crate) const OUTPUT: &str = "application/octet-stream";

/// The parameters of [`logs`].
pub(crate) const LOGS: [Parameter; 2] = [
    Parameter::one(
        "tail",
        "The most bytes of what was written last; the operator's limit holds without it, and is the most.",
        || json_schema!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
    ),
    Parameter::one(
        "follow",
        "Whether to go on with what the workspace writes, until it ends, the platform shuts down or the admin token is taken \
         away. Such an answer counts among `server.max_streams`.",
        || json_schema!({"type": "boolean", "default": false}),
    ),
];

/// `GET /workspaces/{id}/logs?tail=N&follow=true`: the last N bytes of its output, as they are, and on request what it goes on to write.
pub(crate) async fn logs(
    admin: Admin,
    State(api): State<Arc<Api>>,
    id: Id,
    uri: Uri,
) -> Result<Response, ApiError> {
    let mut query = Query::new(&uri, &LOGS)?;
    let refused = |field: &str, problem: &str| query::refused(vec![Problem::new(field, problem)]);
    let tail = match query.take("tail").map(|text| text.parse::<u64>()) {
        None => api.limits.max_log,
        Some(Ok(bytes)) => bytes.min(api.limits.max_log),
        Some(Err(_)) => {
            let problem = "expected a number of bytes, found something else: give a whole number";
            return Err(refused("tail", problem));
        }
    };
    let follow = match query.take("follow").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            let problem = "expected true or false, found something else: give one of them";
            return Err(refused("follow", problem));
        }
    };
    let id = workspace_id(id)?;
    let output = if follow {
        let output = api.provisioner.follow_logs(&id, tail).await?;
        api.streams.pass_on(admin, output)?
    } else {
        api.provisioner.logs(&id, tail).await?.into_response()
    };
    // The bytes are the workspace's own: no browser may take them for a page.
    let headers = [
        (header::CONTENT_TYPE, OUTPUT),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok(no_store((headers, output).into_response()))
}

/// An id that cannot be one names no workspace.
pub(super) fn workspace_id(id: Id) -> Result<WorkspaceId, ApiError> {
    let Path(id) = id.map_err(|_| ApiError::no_workspace())?;
    id.parse().map_err(|_| ApiError::no_workspace())
}

fn no_store(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
