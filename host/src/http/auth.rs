//! Who may call which route. A handler names what it needs as an argument, so a route cannot forget to ask.
//!
//! Admin routes take an admin token, and a workspace's routes that workspace's own token; neither opens the other. For a
//! token that opens nothing the answer is the same whether or not the workspace exists.

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header, request::Parts, uri::Authority},
};

use crate::{
    http::{Address, Api, error::ApiError},
    provision::{Grant, TOKEN_PREFIX},
    store::TokenHash,
};

/// Who may call the admin routes. Clones share it, so that tokens can be rotated while the platform serves.
#[derive(Clone, Debug)]
pub struct Auth(Arc<ArcSwap<Admins>>);

#[derive(Debug, PartialEq, Eq)]
enum Admins {
    Bearers(Vec<(Arc<str>, TokenHash)>),
    /// Whoever can reach the socket, whose name in the log is this; over TCP only by a loopback name.
    Anyone(Arc<str>),
}

/// Why there is no way to tell who may call the admin routes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No token, and not for development either.
    #[error("expected a token, found none; set one, or listen on loopback in the development mode")]
    NoToken,
    /// A token that anybody could guess.
    #[error(
        "expected at least {MIN_ADMIN_TOKEN} characters, found {found}; make one with `openssl rand -hex 32`"
    )]
    Short {
        /// Its length in bytes.
        found: usize,
    },
    /// The tokens of workspaces are told by their shape.
    #[error(
        "expected an admin token, found one that starts with \"{TOKEN_PREFIX}\" as workspace tokens do; make another with `openssl rand -hex 32`"
    )]
    WorkspaceShape,
    /// The development mode is for this machine only.
    #[error(
        "expected a loopback address in the development mode, found {0}; listen on 127.0.0.1, or set an admin token"
    )]
    NotLoopback(IpAddr),
}

/// The shortest admin token.
const MIN_ADMIN_TOKEN: usize = 32;

impl Auth {
    /// Whoever has one of these tokens is an admin. The name of a token is what the log calls its holder.
    ///
    /// # Errors
    /// When there is none, or one that is too weak to be one.
    pub fn bearers<'a>(
        tokens: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, AuthError> {
        let checked = |(name, token): (&str, &str)| match token {
            _ if token.len() < MIN_ADMIN_TOKEN => Err(AuthError::Short { found: token.len() }),
            _ if token.starts_with(TOKEN_PREFIX) => Err(AuthError::WorkspaceShape),
            _ => Ok((Arc::from(name), TokenHash::of(token))),
        };
        let hashes = tokens
            .into_iter()
            .map(checked)
            .collect::<Result<Vec<_>, _>>()?;
        if hashes.is_empty() {
            Err(AuthError::NoToken)
        } else {
            Ok(Self::of(Admins::Bearers(hashes)))
        }
    }

    /// Everybody who can reach the API is an admin: for development, and only while that is nobody but this machine, or
    /// whom the file system lets through.
    ///
    /// # Errors
    /// When others could reach that address.
    pub fn dev(address: &Address) -> Result<Self, AuthError> {
        match address {
            Address::Tcp(address) if !address.ip().is_loopback() => {
                Err(AuthError::NotLoopback(address.ip()))
            }
            Address::Tcp(_) | Address::Unix(_) => Ok(Self::of(Admins::Anyone("dev".into()))),
        }
    }

    /// Lets in whom `other` lets in, from the next request on, and nobody else any more. Says whether that is a change.
    pub fn replace(&self, other: &Self) -> bool {
        let fresh = other.0.load_full();
        let another = *fresh != **self.0.load();
        if another {
            self.0.store(fresh);
        }
        another
    }

    fn of(admins: Admins) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(admins)))
    }

    fn admin(&self, headers: &HeaderMap) -> Result<Admin, ApiError> {
        if let Admins::Anyone(name) = &**self.0.load() {
            return if is_local(headers) {
                Ok(Admin::of(name, None))
            } else {
                Err(ApiError::not_local())
            };
        }
        let presented = bearer(headers).ok_or_else(ApiError::unauthenticated)?;
        match self.holder(presented) {
            Some(name) => Ok(Admin::of(&name, Some(TokenHash::of(presented)))),
            None if presented.starts_with(TOKEN_PREFIX) => Err(ApiError::admins_only()),
            None => Err(ApiError::invalid_token()),
        }
    }

    /// Whether who came in as this admin would be let in now.
    pub(super) fn still_admits(&self, admin: &Admin) -> bool {
        match (&**self.0.load(), admin.token) {
            (Admins::Bearers(hashes), Some(token)) => {
                hashes.iter().any(|(_, known)| *known == token)
            }
            (Admins::Anyone(_), None) => true,
            (Admins::Bearers(_), None) | (Admins::Anyone(_), Some(_)) => false,
        }
    }

    /// The name of the admin whose token this is.
    fn holder(&self, presented: &str) -> Option<Arc<str>> {
        let admins = self.0.load();
        let Admins::Bearers(hashes) = &**admins else {
            return None;
        };
        let hash = TokenHash::of(presented);
        // All are compared, so that the time does not say which one was near.
        hashes.iter().fold(None, |found, (name, known)| {
            (*known == hash).then(|| Arc::clone(name)).or(found)
        })
    }
}

/// Proof that the caller is an admin, and which one.
pub(crate) struct Admin {
    name: Arc<str>,
    /// The token that it was; none in the development mode.
    token: Option<TokenHash>,
}

impl Admin {
    fn of(name: &Arc<str>, token: Option<TokenHash>) -> Self {
        let name = Arc::clone(name);
        Self { name, token }
    }

    /// Which admin.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Notes in the log who did this to a workspace.
    pub(crate) fn did(&self, action: &'static str, workspace: &str) {
        tracing::info!(admin = &*self.name, action, workspace, "asked by an admin");
    }
}

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
        let params = RawPathParams::from_request_parts(parts, api).await;
        let presented = bearer(&parts.headers).ok_or_else(ApiError::unauthenticated)?;
        let params = params.map_err(|_| ApiError::no_route())?;
        let id = params
            .iter()
            .find_map(|(name, value)| (name == "id").then_some(value));
        match id.and_then(|id| api.provisioner.access().admit(id, presented)) {
            Some(grant) => Ok(Self(grant)),
            None if api.auth.holder(presented).is_some() => Err(ApiError::workspace_only()),
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
        let refused = |token| Auth::bearers([("ci", token)]).unwrap_err();
        assert_eq!(Auth::bearers([]).unwrap_err(), AuthError::NoToken);
        assert_eq!(refused("short"), AuthError::Short { found: 5 });
        assert_eq!(
            refused("phw_0123456789abcdef0123456789abcdef"),
            AuthError::WorkspaceShape
        );
        let auth = Auth::bearers([
            ("a", "0123456789abcdef0123456789abcdef"),
            ("b", "fedcba9876543210fedcba9876543210"),
        ])
        .unwrap();
        let admin = auth
            .admin(&headers(&["Bearer fedcba9876543210fedcba9876543210"]))
            .unwrap();
        assert_eq!(&*admin.name, "b");
        assert!(
            auth.admin(&headers(&["Bearer 0123456789abcdef0123456789abcdeF"]))
                .is_err()
        );
        assert!(auth.admin(&headers(&[])).is_err());
    }

    #[test]
    fn a_rotation_reaches_every_clone_at_once() {
        let auth = Auth::bearers([("old", "0123456789abcdef0123456789abcdef")]).unwrap();
        let shared = auth.clone();
        let new = Auth::bearers([("new", "fedcba9876543210fedcba9876543210")]).unwrap();
        let before = shared
            .admin(&headers(&["Bearer 0123456789abcdef0123456789abcdef"]))
            .unwrap();
        assert!(shared.still_admits(&before));
        assert!(auth.replace(&new) && !auth.replace(&new));
        assert!(!shared.still_admits(&before));
        assert!(
            shared
                .admin(&headers(&["Bearer 0123456789abcdef0123456789abcdef"]))
                .is_err()
        );
        assert!(
            shared
                .admin(&headers(&["Bearer fedcba9876543210fedcba9876543210"]))
                .is_ok()
        );
    }

    #[test]
    fn the_development_mode_is_for_this_machine_only() {
        let dev = |address: &str| Auth::dev(&address.parse().unwrap());
        let open = dev("127.0.0.1:0").unwrap();
        let to = |host| {
            open.admin(&HeaderMap::from_iter([(
                header::HOST,
                HeaderValue::from_static(host),
            )]))
            .is_ok()
        };
        assert!(to("127.0.0.1:8080") && to("localhost") && to("[::1]:8080"));
        assert!(!to("evil.example:8080") && !to("10.0.0.1") && !to(""));
        assert!(dev("[::1]:1").is_ok() && dev("unix:/run/api.sock").is_ok());
        assert_eq!(
            dev("0.0.0.0:1").unwrap_err(),
            AuthError::NotLoopback([0, 0, 0, 0].into())
        );
    }
}
