//! The App's JSON web token: who signed it, for whom, and for how long, by GitHub's clock.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The longest that a token may still have to live, in seconds.
const LONGEST_LIFE: f64 = 600.0;

/// The App, as GitHub knows it.
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) key: DecodingKey,
}

/// Refuses unless the request carries a good JSON web token of this App.
pub(crate) fn authenticate(app: &App, headers: &HeaderMap, now: i64) -> Result<(), Refusal> {
    let token = bearer(headers).ok_or_else(Refusal::not_a_jwt)?;
    let unverified = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(token)
        .map_err(|_| Refusal::not_a_jwt())?;
    check_issuer(app, &unverified.claims)?;
    let claims = verified(app, token)?;
    check_issued_at(&claims, now)?;
    check_expiry(&claims, now)
}

/// A JSON web token must come as `Bearer`; the older `token` is for other credentials.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn verified(app: &App, token: &str) -> Result<Map<String, Value>, Refusal> {
    // The times are checked here, by the server's own clock and with GitHub's messages.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode(token, &app.key, &validation)
        .map(|decoded| decoded.claims)
        .map_err(|_| Refusal::not_a_jwt())
}

/// GitHub finds the App, and with it the key, by the issuer: a wrong one is told apart from a wrong signature.
fn check_issuer(app: &App, claims: &Map<String, Value>) -> Result<(), Refusal> {
    let issuer = match claims.get("iss") {
        Some(Value::String(issuer)) => issuer.clone(),
        Some(Value::Number(issuer)) => issuer.to_string(),
        Some(_) => {
            return Err(Refusal::unauthorized(
                "'Issuer' claim ('iss') must be an Integer",
            ));
        }
        None => {
            return Err(Refusal::unauthorized(
                "Missing 'issuer' claim ('iss') in assertion",
            ));
        }
    };
    if issuer == app.id.to_string() || issuer == app.client_id {
        return Ok(());
    }
    let an_app_id = !issuer.is_empty() && issuer.bytes().all(|byte| byte.is_ascii_digit());
    let a_client_id = issuer.starts_with("Iv")
        && issuer
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if an_app_id || a_client_id {
        return Err(Refusal::no_such_app());
    }
    Err(Refusal::unauthorized(
        "'Issuer' claim ('iss') must be an Integer",
    ))
}

fn check_issued_at(claims: &Map<String, Value>, now: i64) -> Result<(), Refusal> {
    let issued_at = claims
        .get("iat")
        .ok_or_else(|| Refusal::unauthorized("Missing 'issued at' claim ('iat') in assertion"))?;
    match issued_at.as_i64() {
        Some(seconds) if seconds <= now => Ok(()),
        _ => Err(Refusal::unauthorized(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        )),
    }
}

fn check_expiry(claims: &Map<String, Value>, now: i64) -> Result<(), Refusal> {
    let expiry = claims.get("exp").ok_or_else(|| {
        Refusal::unauthorized("Missing 'expiration time' claim ('exp') in assertion")
    })?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "the seconds since 1970 fit a double for the next 280 million years"
    )]
    let now = now as f64;
    match expiry.as_f64() {
        Some(seconds) if seconds > now + LONGEST_LIFE => Err(Refusal::unauthorized(
            "'Expiration time' claim ('exp') is too far in the future",
        )),
        Some(seconds) if seconds > now => Ok(()),
        _ => Err(Refusal::unauthorized(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        )),
    }
}
