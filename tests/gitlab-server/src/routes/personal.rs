//! Personal access tokens, and what every access token may do with itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use crate::asked::Asked;
use crate::auth::{self, Caller};
use crate::gitlab::{Gitlab, World};
use crate::params::Validator;
use crate::refusal::Refusal;
use crate::routes::page::page;
use crate::tokens::TokenRecord;

type Answer = Result<Json<Value>, Refusal>;

pub(crate) async fn show_self(State(gitlab): State<Arc<Gitlab>>, asked: Asked) -> Answer {
    let now = gitlab.now();
    let caller = gitlab.world().caller(&asked, auth::ANY, now)?;
    no_oauth(&caller)?;
    Ok(Json(caller.token.shown(now)))
}

pub(crate) async fn revoke_self(
    State(gitlab): State<Arc<Gitlab>>,
    asked: Asked,
) -> Result<StatusCode, Refusal> {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::ANY, now)?;
    no_oauth(&caller)?;
    world.tokens.revoke(caller.token.id);
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn rotate_self(State(gitlab): State<Arc<Gitlab>>, asked: Asked) -> Answer {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::ROTATE, now)?;
    if caller.token.oauth {
        return Err(Refusal::not_allowed());
    }
    rotated(&mut world, &asked, caller.token.id, now)
}

pub(crate) async fn list(
    State(gitlab): State<Arc<Gitlab>>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let now = gitlab.now();
    let items = {
        let mut world = gitlab.world();
        let caller = world.caller(&asked, auth::READ, now)?;
        let wanted = asked
            .params
            .text("user_id")
            .map(|id| id.parse::<u64>().unwrap_or(0));
        if !caller.user.admin && wanted.is_some_and(|wanted| wanted != caller.user.id) {
            return Err(Refusal::unauthorized());
        }
        let mine = |token: &&TokenRecord| match (caller.user.admin, wanted) {
            (_, Some(wanted)) => token.user_id == wanted,
            (admin, None) => admin || token.user_id == caller.user.id,
        };
        filtered(&asked, world.tokens.all.iter().filter(mine), now)
    };
    Ok(page(&gitlab, &asked, items))
}

pub(crate) async fn show(
    State(gitlab): State<Arc<Gitlab>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::READ, now)?;
    Ok(Json(own(&mut world, &caller, &id)?.shown(now)))
}

pub(crate) async fn revoke(
    State(gitlab): State<Arc<Gitlab>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<StatusCode, Refusal> {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::WRITE, now)?;
    let id = own(&mut world, &caller, &id)?.id;
    world.tokens.revoke(id);
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn rotate(
    State(gitlab): State<Arc<Gitlab>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::WRITE, now)?;
    let id = own(&mut world, &caller, &id)?.id;
    rotated(&mut world, &asked, id, now)
}

pub(crate) fn rotated(world: &mut World, asked: &Asked, id: u64, now: jiff::Timestamp) -> Answer {
    let mut validator = Validator::new(&asked.params);
    let expires_at = validator.date("expires_at");
    validator.finish()?;
    Ok(Json(
        world.tokens.rotate(id, expires_at, now)?.shown_whole(now),
    ))
}

/// The tokens that the query asks for.
pub(crate) fn filtered<'t>(
    asked: &Asked,
    tokens: impl Iterator<Item = &'t TokenRecord>,
    now: jiff::Timestamp,
) -> Vec<Value> {
    let wanted = |name| asked.params.text(name);
    let (revoked, state, search) = (wanted("revoked"), wanted("state"), wanted("search"));
    tokens
        .filter(|token| !token.oauth)
        .filter(|token| {
            revoked
                .as_ref()
                .is_none_or(|wanted| *wanted == token.revoked.to_string())
        })
        .filter(|token| {
            state
                .as_ref()
                .is_none_or(|wanted| (wanted == "active") == token.is_active(now))
        })
        .filter(|token| {
            search
                .as_ref()
                .is_none_or(|wanted| token.name.contains(wanted.as_str()))
        })
        .map(|token| token.shown(now))
        .collect()
}

/// Only administrators are told that a token does not exist.
fn own(world: &mut World, caller: &Caller, id: &str) -> Result<TokenRecord, Refusal> {
    let found = id
        .parse()
        .ok()
        .and_then(|id| world.tokens.by_id(id))
        .cloned();
    let found = found.filter(|token| !token.oauth);
    let mine = found.filter(|token| caller.user.admin || token.user_id == caller.user.id);
    mine.ok_or_else(|| {
        if caller.user.admin {
            Refusal::not_found("")
        } else {
            Refusal::unauthorized()
        }
    })
}

fn no_oauth(caller: &Caller) -> Result<(), Refusal> {
    if caller.token.oauth {
        let reason = "This endpoint requires token type to be a personal access token";
        return Err(Refusal::bad_request(reason));
    }
    Ok(())
}
