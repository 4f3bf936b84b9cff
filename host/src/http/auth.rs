//! Who may call which route. A handler names what it needs as an argument, so a route cannot forget to ask.
//!
//! Admin routes take an admin token, and a workspace's routes that workspace's own token; neither opens the other. For a
//! token that opens nothing the answer is the same whether or not the workspace exists.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts, uri::Authority},
};

use crate::{
    http::{Api, error::ApiError},
    provision::{Grant, TOKEN_PREFIX},
    store::TokenHash,
};

/// Who may call the admin routes.
#[derive(Clone, Debug)]
pub struct Auth(Admins);

#[derive(Clone, Debug)]
enum Admins {
    Bearers(Vec<TokenHash>),
    Anyone,
}

/// Why there is no way to tell who may call the admin routes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No token, and not for development either.
    #[error(
        "expected an admin token, found none: configure one, or use the development mode on a loopback address"
    )]
    NoToken,
    /// A token that anybody could guess.
    #[error(
        "expected admin tokens of at least {MIN_ADMIN_TOKEN} characters, found one of {found}: draw a longer one, such as with `openssl rand -hex 32`"
    )]
    Short {
        /// Its length in bytes.
        found: usize,
    },
    /// The tokens of workspaces are told by their shape.
    #[error(
        "expected an admin token, found one that starts with \"{TOKEN_PREFIX}\" as workspace tokens do: draw another one"
    )]
    WorkspaceShape,
    /// The development mode is for this machine only.
    #[error(
        "expected a loopback address in the development mode, found {0}: listen on 127.0.0.1, or configure an admin token"
    )]
    NotLoopback(IpAddr),
}

/// The shortest admin token.
const MIN_ADMIN_TOKEN: usize = 16;

impl Auth {
    /// Whoever has one of these tokens is an admin.
    ///
    /// # Errors
    /// When there is none, or one that is too weak to be one.
    pub fn bearers<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Result<Self, AuthError> {
        let checked = |token: &str| match token {
            _ if token.len() < MIN_ADMIN_TOKEN => Err(AuthError::Short { found: token.len() }),
            _ if token.starts_with(TOKEN_PREFIX) => Err(AuthError::WorkspaceShape),
            _ => Ok(TokenHash::of(token)),
        };
        let hashes = tokens
            .into_iter()
            .map(checked)
            .collect::<Result<Vec<_>, _>>()?;
        if hashes.is_empty() {
            Err(AuthError::NoToken)
        } else {
            Ok(Self(Admins::Bearers(hashes)))
        }
    }

    /// Everybody on this machine is an admin: for development, and only while the platform listens on `address`.
    ///
    /// # Errors
    /// When others could reach that address.
    pub fn dev(address: IpAddr) -> Result<Self, AuthError> {
        if address.is_loopback() {
            Ok(Self(Admins::Anyone))
        } else {
            Err(AuthError::NotLoopback(address))
        }
    }

    fn admin(&self, headers: &HeaderMap) -> Result<Admin, ApiError> {
        if matches!(self.0, Admins::Anyone) {
            return if is_local(headers) {
                Ok(Admin(()))
            } else {
                Err(ApiError::not_local())
            };
        }
        let presented = bearer(headers).ok_or_else(ApiError::unauthenticated)?;
        match presented {
            _ if self.knows(presented) => Ok(Admin(())),
            _ if presented.starts_with(TOKEN_PREFIX) => {
                Err(ApiError::wrong_kind("this route takes the admin token"))
            }
            _ => Err(ApiError::invalid_token()),
        }
    }

    fn knows(&self, presented: &str) -> bool {
        let Admins::Bearers(hashes) = &self.0 else {
            return false;
        };
        let hash = TokenHash::of(presented);
        // All are compared, so that the time does not say which one was near.
        hashes
            .iter()
            .fold(false, |found, known| (*known == hash) | found)
    }
}

/// Proof that the caller is an admin.
pub(crate) struct Admin(());

impl FromRequestParts<Arc<Api>> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        api.auth.admin(&parts.headers)
    }
}

/// Proof that the caller is the workspace that `{id}` in the path names.
pub(crate) struct Own(pub(crate) Arc<Grant>);

impl FromRequestParts<Arc<Api>> for Own {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, api)
            .await
            .map_err(|_| ApiError::no_route())?;
        let presented = bearer(&parts.headers).ok_or_else(ApiError::unauthenticated)?;
        let id = params
            .iter()
            .find_map(|(name, value)| (name == "id").then_some(value));
        match id.and_then(|id| api.provisioner.access().admit(id, presented)) {
            Some(grant) => Ok(Self(grant)),
            None if api.auth.knows(presented) => Err(ApiError::wrong_kind(
                "this route takes the workspace's own token",
            )),
            None => Err(ApiError::invalid_token()),
        }
    }
}

/// Whether the request was made to this machine by name. In the development mode nothing else keeps a web page, whose name was
/// pointed at this machine, from being an admin.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let authority = host.parse::<Authority>().ok();
    let name = authority
        .as_ref()
        .map_or("", |authority| authority.host().trim_matches(['[', ']']));
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// The bearer token, if there is exactly one credential and it is one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_a_bearer_token_is_read() {
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bEARER  abc "])), Some("abc"));
        for refused in [
            &[][..],
            &["Basic abc"],
            &["Bearer"],
            &["Bearer "],
            &["abc"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(bearer(&headers(refused)), None, "{refused:?}");
        }
    }

    #[test]
    fn admin_tokens_are_long_and_not_shaped_like_a_workspaces() {
        assert_eq!(Auth::bearers([]).unwrap_err(), AuthError::NoToken);
        assert_eq!(
            Auth::bearers(["short"]).unwrap_err(),
            AuthError::Short { found: 5 }
        );
        assert_eq!(
            Auth::bearers(["phw_0123456789abcdef"]).unwrap_err(),
            AuthError::WorkspaceShape
        );
        let auth = Auth::bearers(["0123456789abcdef", "fedcba9876543210"]).unwrap();
        assert!(auth.admin(&headers(&["Bearer fedcba9876543210"])).is_ok());
        assert!(auth.admin(&headers(&["Bearer 0123456789abcdeF"])).is_err());
        assert!(auth.admin(&headers(&[])).is_err());
    }

    #[test]
    fn the_development_mode_is_for_loopback_only() {
        let dev = Auth::dev("127.0.0.1".parse().unwrap()).unwrap();
        let to = |host| {
            dev.admin(&HeaderMap::from_iter([(
                header::HOST,
                HeaderValue::from_static(host),
            )]))
            .is_ok()
        };
        assert!(to("127.0.0.1:8080") && to("localhost") && to("[::1]:8080"));
        assert!(!to("evil.example:8080") && !to("10.0.0.1") && !to(""));
        assert!(Auth::dev("::1".parse().unwrap()).is_ok());
        assert_eq!(
            Auth::dev("0.0.0.0".parse().unwrap()).unwrap_err(),
            AuthError::NotLoopback([0, 0, 0, 0].into())
        );
    }
}
