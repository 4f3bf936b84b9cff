//! The App's JSON web token: RS256, issued a minute ago, for nine minutes.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use provisionhook_plugin_abi::sdk::Fault;

use crate::key::AppKey;

/// GitHub refuses an issue time that is in its future, and clocks differ.
const ISSUED_AGO: i64 = 60;
/// GitHub allows ten minutes; exactly ten is refused as soon as its clock is a second behind.
const LIVES_FOR: i64 = 540;

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

/// Who the App is. GitHub recommends the client id; older Enterprise Servers know the number alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Issuer {
    /// The number.
    AppId(u64),
    /// The client id.
    ClientId(String),
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AppId(id) => write!(f, "app id {id}"),
            Self::ClientId(id) => write!(f, "client id {id}"),
        }
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a Issuer,
}

/// A token by which GitHub knows the App for the next nine minutes; `now` is by GitHub's clock.
///
/// # Errors
/// See [`AppKey::sign`].
pub fn sign(key: &AppKey, issuer: &Issuer, now: Timestamp) -> Result<Zeroizing<String>, Fault> {
    let claims = Claims {
        iat: now.as_second() - ISSUED_AGO,
        exp: now.as_second() + LIVES_FOR,
        iss: issuer,
    };
    let claims = serde_json::to_vec(&claims)
        .map_err(|error| Fault::internal(format!("claims have no JSON form: {error}")))?;
    let mut token = Zeroizing::new(String::with_capacity(600));
    URL_SAFE_NO_PAD.encode_string(HEADER, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = include_str!("../../../tests/github-server/keys/app.private-key.pem");
    const PUBLIC: &str = include_str!("../../../tests/github-server/keys/app.public.pem");

    fn claims(issuer: &Issuer, now: i64) -> Value {
        let key = AppKey::parse(KEY).unwrap();
        let token = sign(&key, issuer, Timestamp::from_second(now).unwrap()).unwrap();
        assert!(!token.contains('='));
        assert_eq!(
            decode_header(token.as_str()).unwrap().typ.as_deref(),
            Some("JWT")
        );
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        let public = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
        decode(token.as_str(), &public, &validation).unwrap().claims
    }

    #[test]
    fn another_library_verifies_it() {
        let number = claims(&Issuer::AppId(123_456), 1_800_000_000);
        assert_eq!(
            number,
            json!({ "iat": 1_799_999_940, "exp": 1_800_000_540, "iss": 123_456 })
        );
        let name = claims(&Issuer::ClientId("Iv23liExample".to_owned()), 60);
        assert_eq!(
            name,
            json!({ "iat": 0, "exp": 600, "iss": "Iv23liExample" })
        );
    }
}
