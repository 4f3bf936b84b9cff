//! AppRole: a role's id, and a secret id that may expire, be used up, and come wrapped.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::engine::{Call, Login};
use crate::refusal::Refusal;
use crate::request::Operation;
use crate::time::after;
use crate::world::TokenRole;
use crate::{random, span};

/// What a role is set up with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Role {
    role_id: String,
    /// Secret ids that are there from the start, and work for ever.
    #[serde(default)]
    secret_ids: Vec<String>,
    /// Whether the role's id is enough.
    #[serde(default)]
    without_secret_id: bool,
    #[serde(default, deserialize_with = "span::deserialize")]
    secret_id_ttl: Option<Duration>,
    #[serde(default)]
    secret_id_num_uses: u32,
    #[serde(default)]
    token: TokenRole,
}

/// The login.
pub(crate) struct AppRole {
    roles: BTreeMap<String, (Role, Vec<SecretId>)>,
}

struct SecretId {
    id: String,
    /// 0 for no limit.
    uses_left: u32,
    expires_at: Option<Timestamp>,
}

impl AppRole {
    pub(crate) fn new(roles: BTreeMap<String, Role>) -> Self {
        let for_ever = |id: &String| SecretId {
            id: id.clone(),
            uses_left: 0,
            expires_at: None,
        };
        let roles = roles
            .into_iter()
            .map(|(name, role)| {
                let ids = role.secret_ids.iter().map(for_ever).collect();
                (name, (role, ids))
            })
            .collect();
        Self { roles }
    }

    pub(crate) fn login(&mut self, call: &Call<'_>) -> Result<Login, Refusal> {
        let invalid = || Refusal::bad_request("invalid role or secret ID");
        let role_id = call
            .request
            .text("role_id")
            .ok_or_else(|| Refusal::bad_request("missing role_id"))?;
        let (name, (role, ids)) = self
            .roles
            .iter_mut()
            .find(|(_, (role, _))| role.role_id == role_id.trim())
            .ok_or_else(invalid)?;
        if !role.without_secret_id {
            let secret_id = call
                .request
                .text("secret_id")
                .ok_or_else(|| Refusal::bad_request("missing secret_id"))?;
            ids.retain(|known| known.expires_at.is_none_or(|end| end > call.now));
            let at = ids
                .iter()
                .position(|known| known.id == secret_id.trim())
                .ok_or_else(invalid)?;
            match ids[at].uses_left {
                0 => {}
                1 => drop(ids.remove(at)),
                more => ids[at].uses_left = more - 1,
            }
        }
        Ok(Login {
            role: role.token.clone(),
            display_name: "approle".to_owned(),
            meta: [("role_name".to_owned(), name.clone())].into(),
        })
    }

    /// `role/NAME/role-id` and `role/NAME/secret-id`.
    pub(crate) fn handle(&mut self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let mut parts = call.path.split('/');
        let (Some("role"), Some(name), Some(what), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::unsupported_path());
        };
        let (role, ids) = self
            .roles
            .get_mut(name)
            .ok_or_else(Refusal::nothing_there)?;
        match (what, call.operation()) {
            ("role-id", Operation::Read) => Ok(Answer::data(json!({ "role_id": role.role_id }))),
            ("secret-id", Operation::Update) => {
                let id = random::uuid();
                ids.push(SecretId {
                    id: id.clone(),
                    uses_left: role.secret_id_num_uses,
                    expires_at: role.secret_id_ttl.map(|ttl| after(call.now, ttl)),
                });
                Ok(Answer::data(json!({
                    "secret_id": id,
                    "secret_id_accessor": random::uuid(),
                    "secret_id_num_uses": role.secret_id_num_uses,
                    "secret_id_ttl": role.secret_id_ttl.unwrap_or_default().as_secs(),
                })))
            }
            ("role-id" | "secret-id", _) => Err(Refusal::unsupported_operation()),
            _ => Err(Refusal::unsupported_path()),
        }
    }
}
