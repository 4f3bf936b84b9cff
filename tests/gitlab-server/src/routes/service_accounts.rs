//! Service accounts of a top-level group, and their tokens, which the group's owners manage.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use server_kit::alphanumeric;

use crate::asked::Asked;
use crate::auth;
use crate::gitlab::{Gitlab, World};
use crate::params::Validator;
use crate::people::{Place, PlaceKind, User, UserKind, level};
use crate::refusal::Refusal;
use crate::routes::page::page;
use crate::routes::personal::{filtered, rotated};
use crate::tokens::{Grant, longest};

/// What a personal access token may be given.
const SCOPES: &[&str] = &[
    "api",
    "read_api",
    "read_user",
    "read_repository",
    "write_repository",
    "read_registry",
    "write_registry",
    "read_virtual_registry",
    "write_virtual_registry",
    "create_runner",
    "manage_runner",
    "ai_features",
    "k8s_proxy",
    "self_rotate",
    "read_service_ping",
    "sudo",
    "admin_mode",
];

pub(crate) async fn list(
    State(gitlab): State<Arc<Gitlab>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let items = {
        let mut world = gitlab.world();
        let group = owned(&mut world, &gitlab, &asked, &id, auth::READ)?;
        let accounts = world.people.users.iter();
        accounts
            .filter(|user| user.kind == UserKind::ServiceAccount(group.id))
            .map(shown)
            .collect()
    };
    Ok(page(&gitlab, &asked, items))
}

pub(crate) async fn create(
    State(gitlab): State<Arc<Gitlab>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let mut world = gitlab.world();
    let group = owned(&mut world, &gitlab, &asked, &id, auth::WRITE)?;
    let username = match asked.params.text("username") {
        Some(username) => username,
        None => {
            let random = alphanumeric(32).map_err(|_| Refusal::bad_request("no random numbers"))?;
            format!(
                "service_account_group_{}_{}",
                group.id,
                random.to_ascii_lowercase()
            )
        }
    };
    let user = world
        .people
        .add_user(&username, UserKind::ServiceAccount(group.id));
    if let Some(name) = asked.params.text("name") {
        user.name = name;
    }
    Ok((StatusCode::CREATED, Json(shown(user))))
}

pub(crate) async fn tokens(
    State(gitlab): State<Arc<Gitlab>>,
    Path((id, user_id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let now = gitlab.now();
    let items = {
        let mut world = gitlab.world();
        let group = owned(&mut world, &gitlab, &asked, &id, auth::READ)?;
        let account = account(&world, &group, &user_id)?.id;
        let tokens = world.tokens.all.iter();
        filtered(&asked, tokens.filter(|token| token.user_id == account), now)
    };
    Ok(page(&gitlab, &asked, items))
}

pub(crate) async fn create_token(
    State(gitlab): State<Arc<Gitlab>>,
    Path((id, user_id)): Path<(String, String)>,
    asked: Asked,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let group = owned(&mut world, &gitlab, &asked, &id, auth::WRITE)?;
    let mut validator = Validator::new(&asked.params);
    let name = validator.required("name");
    let scopes = validator.scopes(SCOPES);
    let expires_at = validator.date("expires_at");
    validator.finish()?;
    let user_id = account(&world, &group, &user_id)?.id;
    let expires_at = expires_at.or_else(|| longest(now));
    let grant = Grant {
        name,
        user_id,
        scopes,
        expires_at,
        previous: None,
        oauth: false,
    };
    let made = world.tokens.add(grant, now)?;
    Ok((StatusCode::CREATED, Json(made.shown_whole(now))))
}

pub(crate) async fn rotate_token(
    State(gitlab): State<Arc<Gitlab>>,
    Path((id, user_id, token_id)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Json<Value>, Refusal> {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let group = owned(&mut world, &gitlab, &asked, &id, auth::WRITE)?;
    let account = account(&world, &group, &user_id)?.id;
    let token = token_of(&mut world, account, &token_id).ok_or_else(|| Refusal::not_found(""))?;
    rotated(&mut world, &asked, token, now)
}

pub(crate) async fn revoke_token(
    State(gitlab): State<Arc<Gitlab>>,
    Path((id, user_id, token_id)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<StatusCode, Refusal> {
    let mut world = gitlab.world();
    let group = owned(&mut world, &gitlab, &asked, &id, auth::WRITE)?;
    let account = account(&world, &group, &user_id)?.id;
    let token = token_of(&mut world, account, &token_id);
    let token = token.ok_or_else(|| Refusal::not_found("Personal Access Token"))?;
    world.tokens.revoke(token);
    Ok(StatusCode::NO_CONTENT)
}

/// A top-level group that the caller owns.
fn owned(
    world: &mut World,
    gitlab: &Gitlab,
    asked: &Asked,
    id: &str,
    scopes: &[&str],
) -> Result<Place, Refusal> {
    let caller = world.caller(asked, scopes, gitlab.now())?;
    let (group, role) = world.place_of(&caller, PlaceKind::Group, id)?;
    let person = caller.user.kind == UserKind::Human;
    if !person || role < level::OWNER || !group.is_top_level() {
        return Err(Refusal::forbidden(None));
    }
    Ok(group)
}

fn account<'w>(world: &'w World, group: &Place, id: &str) -> Result<&'w User, Refusal> {
    let id = id
        .parse()
        .map_err(|_| Refusal::parameters(&["user_id is invalid".to_owned()]))?;
    let user = world.people.user(id);
    let here = user.filter(|user| user.kind == UserKind::ServiceAccount(group.id));
    here.ok_or_else(|| Refusal::not_found("User"))
}

fn token_of(world: &mut World, account: u64, id: &str) -> Option<u64> {
    let token = world.tokens.by_id(id.parse().ok()?)?;
    (token.user_id == account).then_some(token.id)
}

fn shown(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "email": format!("{}@noreply.gitlab.example.com", user.username),
    })
}
