//! Tokens of a GitHub App as the plugin vault-plugin-secrets-github gives them: a lease that cannot be renewed.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::engine::{Call, Reply};
use crate::leases::Secret;
use crate::refusal::Refusal;
use crate::request::Operation;
use crate::time::after;
use crate::ttl::Limits;
use crate::{random, span};

const HOUR: Duration = Duration::from_secs(3600);

/// What the engine is set up with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Setting {
    #[serde(deserialize_with = "span::deserialize")]
    ttl: Option<Duration>,
    permissionsets: Vec<String>,
}

/// The engine.
pub(crate) struct Github {
    setting: Setting,
}

impl Github {
    pub(crate) fn new(setting: Setting) -> Self {
        Self { setting }
    }

    pub(crate) fn handle(&mut self, call: &Call<'_>) -> Result<Reply, Refusal> {
        let set = match call.path.split_once('/').unwrap_or((call.path, "")) {
            ("token", set) => set,
            _ => return Err(Refusal::unsupported_path()),
        };
        if !set.is_empty() && !self.setting.permissionsets.iter().any(|known| known == set) {
            return Err(Refusal::bad_request(format!(
                "permission set '{set}' does not exist"
            )));
        }
        match call.operation() {
            Operation::Read | Operation::Update => {}
            Operation::List | Operation::Delete => return Err(Refusal::unsupported_operation()),
        }
        let ttl = self.setting.ttl.unwrap_or(HOUR);
        Ok(Reply::Leased(Secret {
            data: json!({
                "token": format!("ghs_{}", random::text(36)),
                "expires_at": after(call.now, ttl).to_string(),
                "installation_id": 42,
                "org_name": "acme",
                "repository_selection": "all",
            }),
            limits: Limits {
                ttl: Some(ttl),
                max_ttl: Some(ttl),
                ..Limits::default()
            },
            renewable: false,
        }))
    }
}
