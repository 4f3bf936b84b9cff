//! Who a token stands for, and which GitLab this is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::asked::Asked;
use crate::auth;
use crate::gitlab::Gitlab;
use crate::people::UserKind;
use crate::refusal::Refusal;

pub(crate) async fn user(
    State(gitlab): State<Arc<Gitlab>>,
    asked: Asked,
) -> Result<Json<Value>, Refusal> {
    let now = gitlab.now();
    let user = gitlab.world().caller(&asked, auth::USER, now)?.user;
    let base = gitlab.core.base_url();
    Ok(Json(json!({
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "state": "active",
        "web_url": format!("{base}/{}", user.username),
        "bot": user.kind != UserKind::Human,
    })))
}

pub(crate) async fn version(
    State(gitlab): State<Arc<Gitlab>>,
    asked: Asked,
) -> Result<Json<Value>, Refusal> {
    let now = gitlab.now();
    gitlab.world().caller(&asked, auth::USER, now)?;
    Ok(Json(
        json!({ "version": "19.6.0-ee", "revision": "0a1b2c3d4e5" }),
    ))
}
