//! `POST /site/oauth2/access_token`: an OAuth consumer acts for itself.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use server_kit::alphanumeric;

use crate::auth::Presented;
use crate::bitbucket::Bitbucket;
use crate::credentials::{Owner, Token};
use crate::refusal::Refusal;

pub(crate) async fn access_token(
    State(bitbucket): State<Arc<Bitbucket>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let Presented::Basic(key, secret) = Presented::of(&headers) else {
        let description = "Requests must be authenticated using OAuth client credentials";
        return Err(Refusal::OAuth(
            "unauthorized_client",
            description.to_owned(),
        ));
    };
    let consumer = bitbucket
        .consumers
        .iter()
        .find(|one| one.key == key && one.secret == secret);
    let consumer = consumer.ok_or_else(|| {
        Refusal::OAuth(
            "unauthorized_client",
            "Invalid OAuth client credentials".to_owned(),
        )
    })?;
    let grant = grant_type(&headers, &body);
    if grant.as_deref() != Some("client_credentials") {
        let found = grant.unwrap_or_default();
        let description = format!("Unsupported grant type: {found}");
        return Err(Refusal::OAuth("unsupported_grant_type", description));
    }
    if !consumer.private {
        let description = "Cannot use client_credentials with a consumer marked as \"public\". Calls for auto generated consumers should use \
                           urn:bitbucket:oauth2:jwt instead.";
        return Err(Refusal::OAuth("invalid_grant", description.to_owned()));
    }
    let no_random = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong");
    let value = format!("{}=", alphanumeric(86).map_err(no_random)?);
    let refresh = alphanumeric(18).map_err(no_random)?;
    let now = bitbucket.now();
    bitbucket.tokens().push(Token {
        value: value.clone(),
        owner: Owner::Consumer(consumer.workspace.clone()),
        scopes: consumer.scopes.clone(),
        expires_at: now.saturating_add(bitbucket.oauth_lifetime).unwrap_or(now),
        revoked: false,
    });
    Ok(Json(json!({
        "access_token": value,
        "scopes": consumer.scopes.join(" "),
        "token_type": "bearer",
        "expires_in": bitbucket.oauth_lifetime.as_secs(),
        "state": "client_credentials",
        "refresh_token": refresh,
    })))
}

/// From a form, as OAuth has it.
fn grant_type(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let form = kind.starts_with("application/x-www-form-urlencoded");
    let text = std::str::from_utf8(body).ok().filter(|_| form)?;
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| *name == "grant_type")
        .map(|(_, value)| value.to_owned())
}
