//! The database engine: users that are made for each reader, and users whose password changes from time to time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::engine::{Call, Reply};
use crate::leases::Secret;
use crate::refusal::Refusal;
use crate::request::Operation;
use crate::time::{after, left, shown};
use crate::ttl::Limits;
use crate::{random, span};

/// What the engine is set up with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Roles {
    roles: BTreeMap<String, Role>,
    static_roles: BTreeMap<String, StaticRole>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Role {
    #[serde(deserialize_with = "span::deserialize")]
    default_ttl: Option<Duration>,
    #[serde(deserialize_with = "span::deserialize")]
    max_ttl: Option<Duration>,
    /// Some engines give leases that cannot be renewed.
    not_renewable: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StaticRole {
    username: String,
    rotation_seconds: u64,
}

/// The engine.
pub(crate) struct Database {
    roles: BTreeMap<String, Role>,
    static_users: BTreeMap<String, StaticUser>,
}

struct StaticUser {
    role: StaticRole,
    password: String,
    rotated: Timestamp,
}

impl Database {
    pub(crate) fn new(roles: Roles, now: Timestamp) -> Self {
        let user = |role| StaticUser {
            role,
            password: random::text(20),
            rotated: now,
        };
        let static_users = roles
            .static_roles
            .into_iter()
            .map(|(name, role)| (name, user(role)))
            .collect();
        Self {
            roles: roles.roles,
            static_users,
        }
    }

    pub(crate) fn handle(&mut self, call: &Call<'_>) -> Result<Reply, Refusal> {
        let (kind, role) = call.path.split_once('/').unwrap_or((call.path, ""));
        match (kind, call.operation()) {
            ("creds", Operation::Read) => self.creds(role, call).map(Reply::Leased),
            ("static-creds", Operation::Read) => self.static_creds(role, call).map(Reply::Answer),
            ("creds" | "static-creds", _) => Err(Refusal::unsupported_operation()),
            _ => Err(Refusal::unsupported_path()),
        }
    }

    fn creds(&self, name: &str, call: &Call<'_>) -> Result<Secret, Refusal> {
        let role = self
            .roles
            .get(name)
            .ok_or_else(|| Refusal::bad_request(format!("unknown role: {name}")))?;
        let username = format!(
            "v-{:.8}-{name:.8}-{}-{}",
            call.display_name,
            random::text(20),
            call.now.as_second()
        );
        Ok(Secret {
            data: json!({ "username": username, "password": format!("{}-{}", random::text(10), random::text(9)) }),
            limits: Limits {
                ttl: role.default_ttl,
                max_ttl: role.max_ttl,
                ..Limits::default()
            },
            renewable: !role.not_renewable,
        })
    }

    fn static_creds(&mut self, name: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
        let user = self
            .static_users
            .get_mut(name)
            .ok_or_else(|| Refusal::bad_request(format!("unknown role: {name}")))?;
        let period = Duration::from_secs(user.role.rotation_seconds);
        while after(user.rotated, period) <= call.now && !period.is_zero() {
            user.rotated = after(user.rotated, period);
            user.password = random::text(20);
        }
        Ok(Answer::data(json!({
            "username": user.role.username,
            "password": user.password,
            "last_vault_rotation": user.rotated.to_string(),
            "rotation_period": user.role.rotation_seconds,
            "ttl": shown(left(call.now, after(user.rotated, period))),
        })))
    }
}
