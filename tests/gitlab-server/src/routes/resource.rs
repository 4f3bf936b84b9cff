//! Access tokens of projects and groups. Each has a bot user of its own.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use server_kit::alphanumeric;

use crate::asked::Asked;
use crate::auth::{self, Caller};
use crate::gitlab::{Gitlab, World};
use crate::params::Validator;
use crate::people::{People, Place, PlaceKind, User, UserKind, level};
use crate::refusal::Refusal;
use crate::routes::page::page;
use crate::routes::personal::{filtered, rotated};
use crate::tokens::{Grant, TokenRecord};

type Answer = Result<Json<Value>, Refusal>;

/// What a project's or group's token may be given.
const SCOPES: &[&str] = &[
    "api",
    "read_api",
    "read_repository",
    "write_repository",
    "read_registry",
    "write_registry",
    "create_runner",
    "manage_runner",
    "ai_features",
    "k8s_proxy",
    "self_rotate",
];

pub(crate) async fn list(
    State(gitlab): State<Arc<Gitlab>>,
    Path((places, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let now = gitlab.now();
    let items = {
        let mut world = gitlab.world();
        let caller = world.caller(&asked, auth::READ, now)?;
        let (place, role) = world.place_of(&caller, kind(&places)?, &id)?;
        if role < place.kind.manager() {
            return Err(Refusal::unauthorized());
        }
        let tokens = world.tokens.all.iter();
        let here = tokens.filter(|token| is_of(&world.people, token, &place));
        filtered(&asked, here, now)
    };
    Ok(page(&gitlab, &asked, items))
}

pub(crate) async fn show(
    State(gitlab): State<Arc<Gitlab>>,
    Path((places, id, token_id)): Path<(String, String, String)>,
    asked: Asked,
) -> Answer {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::READ, now)?;
    let (place, role) = world.place_of(&caller, kind(&places)?, &id)?;
    if role < place.kind.manager() {
        return Err(Refusal::unauthorized());
    }
    let token = found(&mut world, &place, &token_id).ok_or_else(|| no_token(&place, &token_id))?;
    Ok(Json(with_level(
        &world.people,
        &place,
        token.user_id,
        token.shown(now),
    )))
}

pub(crate) async fn create(
    State(gitlab): State<Arc<Gitlab>>,
    Path((places, id)): Path<(String, String)>,
    asked: Asked,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::WRITE, now)?;
    let mut validator = Validator::new(&asked.params);
    let name = validator.required("name");
    let scopes = validator.scopes(SCOPES);
    let expires_at = validator.required_date("expires_at");
    let role = validator.one_of("access_level", &level::ALL, level::MAINTAINER);
    validator.finish()?;
    let (place, own_role) = world.place_of(&caller, kind(&places)?, &id)?;
    let word = place.kind.word();
    if caller.user.kind == UserKind::Bot || own_role < place.kind.manager() {
        let reason = format!("User does not have permission to create {word} access token");
        return Err(Refusal::bad_request(&reason));
    }
    if role > own_role {
        let reason = "Access level of the token contains permissions not held by the creating user";
        return Err(Refusal::bad_request(reason));
    }
    let before = world.people.clone();
    let user_id = add_bot(&mut world.people, place.kind, place.id, role)?.id;
    let grant = Grant {
        name,
        user_id,
        scopes,
        expires_at,
        previous: None,
        oauth: false,
    };
    let made = world.tokens.add(grant, now);
    if made.is_err() {
        world.people = before;
    }
    let shown = made?.shown_whole(now);
    let place = world
        .people
        .place(place.kind, &place.path)
        .cloned()
        .unwrap_or(place);
    Ok((
        StatusCode::CREATED,
        Json(with_level(&world.people, &place, user_id, shown)),
    ))
}

pub(crate) async fn rotate_self(
    State(gitlab): State<Arc<Gitlab>>,
    Path((places, id)): Path<(String, String)>,
    asked: Asked,
) -> Answer {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::ROTATE, now)?;
    if caller.token.oauth || caller.user.kind != UserKind::Bot {
        return Err(Refusal::not_allowed());
    }
    let (place, _) = world.place_of(&caller, kind(&places)?, &id)?;
    if !is_of(&world.people, &caller.token, &place) {
        return Err(Refusal::unauthorized());
    }
    let Json(shown) = rotated(&mut world, &asked, caller.token.id, now)?;
    Ok(Json(with_level(
        &world.people,
        &place,
        caller.user.id,
        shown,
    )))
}

pub(crate) async fn rotate(
    State(gitlab): State<Arc<Gitlab>>,
    Path((places, id, token_id)): Path<(String, String, String)>,
    asked: Asked,
) -> Answer {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::WRITE, now)?;
    let (place, role) = world.place_of(&caller, kind(&places)?, &id)?;
    let may = caller.user.kind != UserKind::Bot && role >= place.kind.manager();
    let token = found(&mut world, &place, &token_id).filter(|_| may);
    let token = token.ok_or_else(|| unknown_to(&caller))?;
    let Json(shown) = rotated(&mut world, &asked, token.id, now)?;
    Ok(Json(with_level(
        &world.people,
        &place,
        token.user_id,
        shown,
    )))
}

pub(crate) async fn revoke(
    State(gitlab): State<Arc<Gitlab>>,
    Path((places, id, token_id)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<StatusCode, Refusal> {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let caller = world.caller(&asked, auth::WRITE, now)?;
    let (place, role) = world.place_of(&caller, kind(&places)?, &id)?;
    let token = found(&mut world, &place, &token_id).ok_or_else(|| no_token(&place, &token_id))?;
    if role < place.kind.manager() {
        let bot = world.people.user(token.user_id).map(|bot| bot.name.clone());
        let reason = format!(
            "{} cannot delete {}",
            caller.user.name,
            bot.unwrap_or_default()
        );
        return Err(Refusal::bad_request(&reason));
    }
    world.tokens.revoke(token.id);
    world.people.users.retain(|user| user.id != token.user_id);
    Ok(StatusCode::NO_CONTENT)
}

/// The user behind a new token: a member of the place, in that role.
pub(crate) fn add_bot(
    people: &mut People,
    kind: PlaceKind,
    place: u64,
    role: u64,
) -> Result<User, Refusal> {
    let random = alphanumeric(32).map_err(|_| {
        Refusal::other(
            StatusCode::INTERNAL_SERVER_ERROR,
            "500 Internal Server Error",
        )
    })?;
    let username = format!(
        "{}_{place}_bot_{}",
        kind.word(),
        random.to_ascii_lowercase()
    );
    let bot = people.add_user(&username, UserKind::Bot).clone();
    people.join(kind, place, bot.id, role);
    Ok(bot)
}

fn kind(places: &str) -> Result<PlaceKind, Refusal> {
    match places {
        "projects" => Ok(PlaceKind::Project),
        "groups" => Ok(PlaceKind::Group),
        _ => Err(Refusal::not_found("")),
    }
}

fn found(world: &mut World, place: &Place, id: &str) -> Option<TokenRecord> {
    let token = world.tokens.by_id(id.parse().ok()?)?.clone();
    is_of(&world.people, &token, place).then_some(token)
}

fn is_of(people: &People, token: &TokenRecord, place: &Place) -> bool {
    let bot = people
        .user(token.user_id)
        .is_some_and(|user| user.kind == UserKind::Bot);
    bot && place.members.contains_key(&token.user_id)
}

fn with_level(people: &People, place: &Place, user: u64, mut shown: Value) -> Value {
    let role = people.user(user).and_then(|user| people.role(user, place));
    shown["access_level"] = json!(role);
    shown
}

fn no_token(place: &Place, id: &str) -> Refusal {
    let word = place.kind.word();
    Refusal::other(
        StatusCode::NOT_FOUND,
        &format!("404 Could not find {word} access token with token_id: {id} Not Found"),
    )
}

/// Only administrators are told that a token does not exist.
fn unknown_to(caller: &Caller) -> Refusal {
    if caller.user.admin {
        Refusal::not_found("")
    } else {
        Refusal::unauthorized()
    }
}
