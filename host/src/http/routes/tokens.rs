//! Fresh tokens: the two routes that existing clients know, with the bodies that they know, and the routes beyond them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    call::{Attributes, Call},
    capability::{Scope, Token},
    http::{
        Api,
        auth::{Admin, Own},
        body,
        error::ApiError,
        query::{NoParameters, Query},
    },
    provision::{Fields, Problem},
    schema::{Field, object},
    secret::Secret,
    token::Provider,
};

/// `GET /admin/github-installation-token`: for the platform itself.
pub(crate) async fn admin_github(
    _: Admin,
    _: NoParameters,
    State(api): State<Arc<Api>>,
) -> Result<Response, ApiError> {
    github_token(
        &api,
        &Call {
            attributes: Attributes::default(),
            ..Call::default()
        },
    )
    .await
}

/// `GET /workspaces/{id}/github-installation-token`.
pub(crate) async fn github(
    Own(grant): Own,
    _: NoParameters,
    State(api): State<Arc<Api>>,
) -> Result<Response, ApiError> {
    github_token(&api, &grant.call).await
}

/// `GET /workspaces/{id}/tokens/{provider}?audience=…&repositories=o/a,o/b&permissions=contents:read`.
pub(crate) async fn by_provider(
    Own(grant): Own,
    State(api): State<Arc<Api>>,
    path: Names,
    uri: Uri,
) -> Result<Response, ApiError> {
    scoped(&api, provider(&api, path)?, &grant.call, &uri).await
}

/// `GET /workspaces/{id}/tokens`: the same, from the provider that git in workspaces asks, too.
pub(crate) async fn by_default(
    Own(grant): Own,
    State(api): State<Arc<Api>>,
    uri: Uri,
) -> Result<Response, ApiError> {
    let provider = api
        .providers
        .github()
        .map_err(|error| ApiError::token(&error))?;
    scoped(&api, provider, &grant.call, &uri).await
}

async fn scoped(
    api: &Api,
    provider: &Arc<Provider>,
    call: &Call,
    uri: &Uri,
) -> Result<Response, ApiError> {
    let scope = Query::scope(uri)?;
    let call = within(call, api.limits.token_time);
    match api.broker.token(provider, &call, &scope).await {
        Ok(token) => Ok(answer(&token, true)),
        Err(error) => Err(ApiError::token(&error)),
    }
}

/// The fields of the body of [`erase`].
const ERASED: [Field; 1] = [Field::new(
    "token",
    "The token that did not work.",
    || json_schema!({"type": "string"}),
)];

/// What [`erase`] takes.
pub(crate) fn erased() -> Schema {
    object(&ERASED, &["token"])
}

/// `POST /workspaces/{id}/tokens/{provider}/erase` with `{"token":"…"}`: a token that did not work is not handed out again.
pub(crate) async fn erase(
    _: Own,
    _: NoParameters,
    State(api): State<Arc<Api>>,
    path: Names,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    let provider = provider(&api, path)?;
    let json = body::json(request, api.limits.max_body, api.limits.body_time).await?;
    api.broker.erase(provider.name(), token_of(json)?.expose());
    Ok(StatusCode::NO_CONTENT)
}

/// The token in the body of [`erase`].
pub(crate) fn token_of(json: Value) -> Result<Secret, ApiError> {
    let mut fields = Fields::new(json, &ERASED);
    let token = fields.text("token").map(Secret::new);
    let mut problems = fields.finish();
    match token {
        Some(token) if problems.is_empty() => Ok(token),
        _ => {
            if problems.is_empty() {
                problems.push(Problem::new(
                    "token",
                    "expected the token to forget, found none: give it",
                ));
            }
            Err(ApiError::problems("the body is not valid", problems))
        }
    }
}

type Names = Result<Path<(String, String)>, PathRejection>;

fn provider(api: &Api, names: Names) -> Result<&Arc<Provider>, ApiError> {
    let name = names.map(|Path((_, name))| name).unwrap_or_default();
    api.providers
        .named(&name)
        .map_err(|error| ApiError::token(&error))
}

async fn github_token(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let provider = api
        .providers
        .github()
        .map_err(|error| ApiError::github_token(&error))?;
    let call = within(call, api.limits.token_time);
    match api.broker.token(provider, &call, &Scope::default()).await {
        Ok(token) => Ok(answer(&token, false)),
        Err(error) => Err(ApiError::github_token(&error)),
    }
}

fn within(call: &Call, time: Duration) -> Call {
    Call {
        deadline: Some(Instant::now() + time),
        ..call.clone()
    }
}

/// A token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(crate) struct TokenBody<'a> {
    /// What to send where it is asked for.
    token: &'a str,
    /// When it expires, in whole seconds; null if nobody knows.
    #[schemars(extend("format" = "date-time"))]
    expires_at: Option<String>,
    /// The name that goes with it in HTTP basic authentication, if the provider names one. Never on the two GitHub routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
}

/// The token as compact JSON: existing shell clients cut it out with `sed`. The bytes are wiped when they have been sent.
fn answer(token: &Token, with_username: bool) -> Response {
    let body = TokenBody {
        token: token.value.expose(),
        expires_at: token.expires_at.map(rfc3339),
        username: token.username.as_deref().filter(|_| with_username),
    };
    let mut json = Zeroizing::new(Vec::with_capacity(body.token.len() + 128));
    if let Err(error) = serde_json::to_writer(&mut *json, &body) {
        return ApiError::internal("[http] encoding failed", error.to_string()).into_response();
    }
    let mut response = Response::new(Body::from(Bytes::from_owner(json)));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// RFC 3339 in UTC with whole seconds, rounded down so that nobody takes a token for longer-lived than it is.
fn rfc3339(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_utc_in_whole_seconds() {
        let at = |text: &str| rfc3339(text.parse().unwrap());
        assert_eq!(at("2026-11-23T15:00:00.999+02:00"), "2026-11-23T13:00:00Z");
        assert_eq!(at("2026-11-23T13:00:00Z"), "2026-11-23T13:00:00Z");
    }

    #[tokio::test]
    async fn bodies_are_compact_and_in_the_known_order() {
        let token = |expires_at| Token {
            value: Secret::new("ghs_a.b"),
            expires_at,
            username: Some("x-access-token".into()),
        };
        let body = async |response: Response| {
            axum::body::to_bytes(response.into_body(), 1024)
                .await
                .unwrap()
        };
        let expiring = token(Some("2026-11-23T13:00:00Z".parse().unwrap()));
        assert_eq!(
            body(answer(&expiring, false)).await,
            r#"{"token":"ghs_a.b","expires_at":"2026-11-23T13:00:00Z"}"#
        );
        assert_eq!(
            body(answer(&token(None), true)).await,
            r#"{"token":"ghs_a.b","expires_at":null,"username":"x-access-token"}"#
        );
    }
}
