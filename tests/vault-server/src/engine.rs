//! What can be mounted: secrets engines and logins, and what they answer.

pub(crate) mod database;
pub(crate) mod github;
mod kv1;
mod kv2;
pub(crate) mod login;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::answer::Answer;
use crate::builder::StartError;
use crate::leases::Secret;
use crate::refusal::Refusal;
use crate::request::{Operation, Request};
use crate::world::{Auth, Mount, TokenRole};

/// A request to an engine; `path` is what stands behind the mount's.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) path: &'a str,
    pub(crate) display_name: &'a str,
    pub(crate) now: Timestamp,
}

impl Call<'_> {
    pub(crate) fn operation(&self) -> Operation {
        self.request.operation
    }
}

/// What an engine has to say.
pub(crate) enum Reply {
    Answer(Answer),
    /// A dynamic secret, which gets a lease.
    Leased(Secret),
}

/// Somebody has shown who he is.
pub(crate) struct Login {
    pub(crate) role: TokenRole,
    pub(crate) display_name: String,
    pub(crate) meta: BTreeMap<String, String>,
}

/// Something that is mounted.
pub(crate) enum Engine {
    Kv1(kv1::Kv1),
    Kv2(kv2::Kv2),
    Database(database::Database),
    Github(github::Github),
    AppRole(login::approle::AppRole),
    Kubernetes(login::kubernetes::Kubernetes),
    Jwt(login::jwt::Jwt),
}

impl Engine {
    pub(crate) fn of_mount(mount: Mount, now: Timestamp) -> Self {
        match mount {
            Mount::Kv1(secrets) => Self::Kv1(kv1::Kv1::new(secrets)),
            Mount::Kv2(secrets) => Self::Kv2(kv2::Kv2::new(secrets, now)),
            Mount::Database(roles) => Self::Database(database::Database::new(roles, now)),
            Mount::Github(setting) => Self::Github(github::Github::new(setting)),
        }
    }

    /// # Errors
    /// A public key that is none.
    pub(crate) fn of_auth(auth: Auth) -> Result<Self, StartError> {
        Ok(match auth {
            Auth::Approle(roles) => Self::AppRole(login::approle::AppRole::new(roles)),
            Auth::Kubernetes(setting) => {
                Self::Kubernetes(login::kubernetes::Kubernetes::new(setting)?)
            }
            Auth::Jwt(setting) => Self::Jwt(login::jwt::Jwt::new(setting)?),
        })
    }

    /// What `sys/internal/ui/mounts` calls it, and its options.
    pub(crate) fn kind(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Kv1(_) => ("kv", Some("1")),
            Self::Kv2(_) => ("kv", Some("2")),
            Self::Database(_) => ("database", None),
            Self::Github(_) => ("vault-plugin-secrets-github", None),
            Self::AppRole(_) => ("approle", None),
            Self::Kubernetes(_) => ("kubernetes", None),
            Self::Jwt(_) => ("jwt", None),
        }
    }

    pub(crate) fn handle(&mut self, call: &Call<'_>) -> Result<Reply, Refusal> {
        match self {
            Self::Kv1(engine) => engine.handle(call).map(Reply::Answer),
            Self::Kv2(engine) => engine.handle(call).map(Reply::Answer),
            Self::Database(engine) => engine.handle(call),
            Self::Github(engine) => engine.handle(call),
            Self::AppRole(engine) => engine.handle(call).map(Reply::Answer),
            Self::Kubernetes(_) | Self::Jwt(_) => Err(Refusal::unsupported_path()),
        }
    }

    /// A login; none if this is no engine for one.
    pub(crate) fn login(&mut self, call: &Call<'_>) -> Option<Result<Login, Refusal>> {
        let login = match self {
            Self::AppRole(engine) => engine.login(call),
            Self::Kubernetes(engine) => engine.login(call),
            Self::Jwt(engine) => engine.login(call),
            Self::Kv1(_) | Self::Kv2(_) | Self::Database(_) | Self::Github(_) => return None,
        };
        Some(login)
    }
}
