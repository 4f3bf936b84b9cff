//! How each kind of token is to be presented: to the API, and to git.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bitbucket::Bitbucket;
use crate::credentials::{Owner, Token};
use crate::refusal::Refusal;

/// What git sends for the user name of an API token, if not the user's own.
const API_TOKEN_USER: &str = "x-bitbucket-api-token-auth";
/// What git sends for the user name of every other token.
const TOKEN_USER: &str = "x-token-auth";

/// What a request was sent with.
pub(crate) enum Presented {
    Nothing,
    Bearer(String),
    Basic(String, String),
}

impl Presented {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let header = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let Some((scheme, rest)) = header.and_then(|header| header.split_once(' ')) else {
            return Self::Nothing;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(rest.to_owned());
        }
        let decoded = STANDARD
            .decode(rest)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.as_deref().and_then(|text| text.split_once(':')) {
            Some((user, password)) if scheme.eq_ignore_ascii_case("basic") => {
                Self::Basic(user.to_owned(), password.to_owned())
            }
            _ => Self::Nothing,
        }
    }
}

/// The token of a request to the API.
pub(crate) fn api(bitbucket: &Bitbucket, headers: &HeaderMap) -> Result<Token, Refusal> {
    match Presented::of(headers) {
        Presented::Nothing => Err(Refusal::Basic),
        Presented::Bearer(value) => match bitbucket.token(&value) {
            Some(token) if !matches!(token.owner, Owner::User(_)) => Ok(token),
            None if bitbucket.has_expired(&value) => Err(Refusal::expired()),
            _ => Err(Refusal::bad_token()),
        },
        Presented::Basic(user, password) => {
            let token = bitbucket.token(&password).ok_or(Refusal::Basic)?;
            let owner = match &token.owner {
                Owner::User(owner) => Some(owner),
                Owner::Access(_) | Owner::Consumer(_) => None,
            };
            let fits = owner.is_some_and(|owner| owner.email.eq_ignore_ascii_case(&user));
            // An app password would be looked for here, if there still were any.
            if fits { Ok(token) } else { Err(Refusal::Basic) }
        }
    }
}

/// The token of git's request.
pub(crate) fn git(bitbucket: &Bitbucket, headers: &HeaderMap) -> Option<Token> {
    let Presented::Basic(user, password) = Presented::of(headers) else {
        return None;
    };
    let token = bitbucket.token(&password)?;
    let fits = match &token.owner {
        Owner::User(owner) => user == owner.username || user == API_TOKEN_USER,
        Owner::Access(_) | Owner::Consumer(_) => user == TOKEN_USER,
    };
    fits.then_some(token)
}
