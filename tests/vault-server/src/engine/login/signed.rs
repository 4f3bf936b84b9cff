//! JSON web tokens: the signature is checked with the key that the test holds the other half of.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::builder::StartError;

/// # Errors
/// It is none.
pub(super) fn key(pem: &str) -> Result<DecodingKey, StartError> {
    DecodingKey::from_rsa_pem(pem.as_bytes()).map_err(StartError::PublicKey)
}

/// The claims of a token that is signed with RS256 by this key. Times and names are for the caller to check, by Vault's clock.
///
/// # Errors
/// No token, or another's.
pub(super) fn claims(
    jwt: &str,
    key: &DecodingKey,
) -> Result<Map<String, Value>, jsonwebtoken::errors::Error> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    jsonwebtoken::decode(jwt, key, &validation).map(|token| token.claims)
}

/// Whether the claim is a time that lies ahead by Vault's clock.
pub(super) fn lies_ahead(
    claims: &Map<String, Value>,
    claim: &str,
    now: Timestamp,
    leeway: i64,
) -> bool {
    claims
        .get(claim)
        .and_then(Value::as_i64)
        .is_some_and(|time| time + leeway > now.as_second())
}

/// Whether one of the token's audiences is wanted.
pub(super) fn is_for(claims: &Map<String, Value>, wanted: &[String]) -> bool {
    audiences(claims)
        .iter()
        .any(|audience| wanted.iter().any(|known| known == audience))
}

/// The token's audiences: one, several or none.
pub(super) fn audiences(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            Vec::new()
        }
    }
}
