//! A service account's own signed assertion: for a token, or in its place.

use std::collections::HashMap;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::Value;

use crate::world::CLOUD;

/// How far ahead of ours the account's clock may be.
const LEEWAY: i64 = 60;
const LONGEST: i64 = 3600;
/// What a client asks for that only means to act as another account.
const IAM: &str = "https://www.googleapis.com/auth/iam";
/// What is documented as the audience, always; clients also take the endpoint that the key's file names.
const GOOGLES: &str = "https://oauth2.googleapis.com/token";

#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    aud: Value,
    iat: i64,
    exp: i64,
}

/// An assertion for OAuth's token endpoint, which it must name as its audience.
///
/// The words are those that Google answers with.
pub(crate) fn for_a_token(
    jwt: &str,
    accounts: &HashMap<String, DecodingKey>,
    endpoint: &str,
    now: Timestamp,
) -> Result<Claims, String> {
    let claims = signed(jwt, accounts)?;
    if claims.aud != endpoint && claims.aud != GOOGLES {
        return Err("Invalid JWT: Failed audience check.".to_owned());
    }
    times(&claims, now)?;
    let scopes = claims.scope.as_deref().unwrap_or_default();
    if !scopes.split(' ').any(|scope| [CLOUD, IAM].contains(&scope)) {
        return Err("Invalid OAuth scope or ID token audience provided.".to_owned());
    }
    Ok(claims)
}

/// An assertion in the place of a token: its audience is the service, or its scope is the cloud's.
pub(crate) fn as_bearer(
    jwt: &str,
    accounts: &HashMap<String, DecodingKey>,
    now: Timestamp,
) -> Option<String> {
    let claims = signed(jwt, accounts).ok()?;
    times(&claims, now).ok()?;
    let service = claims.aud == "https://secretmanager.googleapis.com/";
    let scope = claims
        .scope
        .as_deref()
        .is_some_and(|scopes| scopes.split(' ').any(|scope| scope == CLOUD));
    let own = claims.sub.as_deref() == Some(claims.iss.as_str());
    ((service || scope) && own).then_some(claims.iss)
}

fn signed(jwt: &str, accounts: &HashMap<String, DecodingKey>) -> Result<Claims, String> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let unverified: Claims = jsonwebtoken::dangerous::insecure_decode(jwt)
        .map_err(|_| "Bad JWT: it cannot be decoded.".to_owned())?
        .claims;
    let key = accounts
        .get(&unverified.iss)
        .ok_or_else(|| "Invalid grant: account not found".to_owned())?;
    decode::<Claims>(jwt, key, &validation)
        .map(|token| token.claims)
        .map_err(|_| "Invalid JWT Signature.".to_owned())
}

fn times(claims: &Claims, now: Timestamp) -> Result<(), String> {
    let now = now.as_second();
    let fine = claims.iat <= now + LEEWAY && claims.exp > now && claims.exp - claims.iat <= LONGEST;
    if fine {
        return Ok(());
    }
    Err("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the \
         JWT claim."
        .to_owned())
}
