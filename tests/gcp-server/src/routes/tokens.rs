//! The three ways to an access token that are no machine's: OAuth's grants, the exchange of a foreign token, and acting as an account.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Form, Json};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::assertion;
use crate::refusal::{GrantRefusal, Refusal};
use crate::world::{CLOUD, Gcp};

type Fields = Form<HashMap<String, String>>;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SUBJECTS: [&str; 4] = [
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
    "urn:ietf:params:oauth:token-type:saml2",
    "urn:ietf:params:aws:token-type:aws4_request",
];

/// OAuth's token endpoint: a service account's assertion, or a person's refresh token.
pub(crate) async fn oauth(
    State(gcp): State<Arc<Gcp>>,
    Form(fields): Fields,
) -> Result<Json<Value>, GrantRefusal> {
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let principal = match field("grant_type") {
        JWT_BEARER => {
            let endpoint = format!("{}/token", gcp.core.base_url());
            let claims = assertion::for_a_token(
                field("assertion"),
                &gcp.trust.accounts,
                &endpoint,
                gcp.now(),
            );
            claims.map_err(GrantRefusal::invalid_grant)?.iss
        }
        "refresh_token" => {
            let (id, secret) = gcp
                .trust
                .refresh
                .get(field("refresh_token"))
                .ok_or_else(|| GrantRefusal::invalid_grant("Token has been expired or revoked."))?;
            if id != field("client_id") || secret != field("client_secret") {
                return Err(GrantRefusal(
                    "invalid_client",
                    "The OAuth client was not found.".to_owned(),
                ));
            }
            "a-person@example.com".to_owned()
        }
        other => {
            return Err(GrantRefusal(
                "unsupported_grant_type",
                format!("Invalid grant_type: {other}"),
            ));
        }
    };
    let token = gcp.issue(&principal);
    Ok(Json(
        json!({ "access_token": token, "expires_in": gcp.expires_in(), "token_type": "Bearer", "scope": CLOUD }),
    ))
}

/// The Security Token Service: a foreign identity provider's token for one of ours.
pub(crate) async fn exchange(
    State(gcp): State<Arc<Gcp>>,
    Form(fields): Fields,
) -> Result<Json<Value>, GrantRefusal> {
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    if field("grant_type") != EXCHANGE {
        return Err(GrantRefusal::invalid_request(
            "Invalid value for \"grant_type\".",
        ));
    }
    if field("requested_token_type") != ACCESS_TOKEN
        || !SUBJECTS.contains(&field("subject_token_type"))
    {
        return Err(GrantRefusal::invalid_request("Invalid token type."));
    }
    if field("scope").is_empty() {
        return Err(GrantRefusal(
            "invalid_scope",
            "The scope is missing.".to_owned(),
        ));
    }
    let audience = field("audience");
    let Some(subjects) = gcp.trust.pools.get(audience) else {
        return Err(GrantRefusal(
            "invalid_target",
            "The target service indicated by the \"audience\" parameters is invalid.".to_owned(),
        ));
    };
    if !subjects
        .iter()
        .any(|subject| subject == field("subject_token"))
    {
        return Err(GrantRefusal::invalid_grant(
            "The given credential is rejected by the attribute condition.",
        ));
    }
    let token = gcp.issue(audience);
    Ok(Json(
        json!({ "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": gcp.expires_in() }),
    ))
}

/// IAM's credentials: acting as a service account.
pub(crate) fn impersonate(
    gcp: &Gcp,
    account: &str,
    headers: &HeaderMap,
    body: &Value,
) -> Result<Json<Value>, Refusal> {
    let principal = gcp.principal(headers)?;
    if !body["scope"]
        .as_array()
        .is_some_and(|scopes| scopes.contains(&json!(CLOUD)))
    {
        return Err(Refusal::invalid("The scope is missing."));
    }
    let lifetime = body["lifetime"]
        .as_str()
        .unwrap_or("3600s")
        .strip_suffix('s')
        .and_then(|seconds| seconds.parse::<i64>().ok());
    let Some(lifetime @ 1..=43_200) = lifetime else {
        return Err(Refusal::invalid("Invalid lifetime."));
    };
    if !gcp
        .trust
        .impersonators
        .contains(&(principal, account.to_owned()))
    {
        let resource = format!("projects/-/serviceAccounts/{account}");
        return Err(Refusal::denied(
            "iam.serviceAccounts.getAccessToken",
            &resource,
        ));
    }
    let ends = gcp
        .now()
        .saturating_add(SignedDuration::from_secs(lifetime));
    let ends = ends.map_err(|_| Refusal::invalid("Invalid lifetime."))?;
    let whole = jiff::Timestamp::from_second(ends.as_second()).unwrap_or(ends);
    Ok(Json(
        json!({ "accessToken": gcp.issue(account), "expireTime": whole.to_string() }),
    ))
}
