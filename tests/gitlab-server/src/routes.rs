//! The routes below `/api/v4`, git's first question, and what all pass on their way: the ban and the limit.

mod git;
mod page;
mod personal;
mod resource;
mod service_accounts;
mod user;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};

use crate::auth;
use crate::gitlab::Gitlab;
use crate::params::decoded;
use crate::refusal::Refusal;

pub(crate) use self::resource::add_bot;

pub(crate) fn router(gitlab: &Arc<Gitlab>) -> Router {
    let api = Router::new()
        .route("/user", get(user::user))
        .route("/version", get(user::version))
        .nest("/personal_access_tokens", of_people())
        .nest("/groups/{id}/service_accounts", of_service_accounts())
        .nest("/{places}/{id}/access_tokens", of_places())
        .fallback(async || Refusal::not_found(""))
        .method_not_allowed_fallback(async || Refusal::not_allowed());
    let gate = axum::middleware::from_fn_with_state(Arc::clone(gitlab), throttle);
    Router::new()
        .nest("/api/v4", api)
        .fallback(git::info_refs)
        .layer(gate)
        .with_state(Arc::clone(gitlab))
}

fn of_people() -> Router<Arc<Gitlab>> {
    Router::new()
        .route("/", get(personal::list))
        .route(
            "/self",
            get(personal::show_self).delete(personal::revoke_self),
        )
        .route("/self/rotate", post(personal::rotate_self))
        .route("/{id}", get(personal::show).delete(personal::revoke))
        .route("/{id}/rotate", post(personal::rotate))
}

fn of_places() -> Router<Arc<Gitlab>> {
    Router::new()
        .route("/", get(resource::list).post(resource::create))
        .route("/self/rotate", post(resource::rotate_self))
        .route("/{token_id}", get(resource::show).delete(resource::revoke))
        .route("/{token_id}/rotate", post(resource::rotate))
}

fn of_service_accounts() -> Router<Arc<Gitlab>> {
    let tokens = Router::new()
        .route(
            "/",
            get(service_accounts::tokens).post(service_accounts::create_token),
        )
        .route("/{token_id}", delete(service_accounts::revoke_token))
        .route("/{token_id}/rotate", post(service_accounts::rotate_token));
    Router::new()
        .route(
            "/",
            get(service_accounts::list).post(service_accounts::create),
        )
        .nest("/{user_id}/personal_access_tokens", tokens)
}

async fn throttle(State(gitlab): State<Arc<Gitlab>>, request: Request, next: Next) -> Response {
    let now = gitlab.now();
    if gitlab.throttle.is_banned(now) {
        return (StatusCode::FORBIDDEN, "Forbidden\n").into_response();
    }
    let token = token_of(&request);
    let user = token.as_ref().and_then(|token| user_of(&gitlab, token));
    let quota = gitlab.throttle.count(user, now);
    let mut response = if quota.is_exceeded() {
        quota.refusal(now)
    } else {
        next.run(request).await
    };
    // Whoever brings no token at all has not failed to authenticate yet: git always asks so first.
    if token.is_some() || user.is_some() {
        gitlab
            .throttle
            .authenticated(response.status() != StatusCode::UNAUTHORIZED, now);
    }
    quota.stamp(response.headers_mut(), now);
    response
}

fn token_of(request: &Request) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let private = pairs.find(|(name, _)| *name == "private_token");
    let private = private.map(|(_, value)| decoded(value));
    auth::presented(request.headers(), private).or_else(|| git::password(request.headers()))
}

fn user_of(gitlab: &Gitlab, token: &str) -> Option<u64> {
    let now = gitlab.now();
    let mut world = gitlab.world();
    let token = world.tokens.by_value(token)?;
    token.is_active(now).then_some(token.user_id)
}
