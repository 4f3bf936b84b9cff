//! Which engine is behind a path.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::policy;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::vault::Vault;

/// `sys/internal/ui/mounts/PATH`: for a token that may do something at or below the mount, and for nobody else.
pub(super) fn of_path(vault: &Vault, request: &Request, path: &str) -> Result<Answer, Refusal> {
    let token = vault.authenticate(request)?;
    let denied = || {
        Refusal::new(
            StatusCode::FORBIDDEN,
            format!(
                "preflight capability check returned 403, please ensure client's policies grant access to path \"{}/\"",
                path.trim_end_matches('/')
            ),
        )
    };
    let namespace = vault
        .namespaces
        .get(&request.namespace)
        .ok_or_else(denied)?;
    let (mount, engine) = namespace
        .mounts
        .iter()
        .filter(|(mount, _)| format!("{path}/").starts_with(*mount))
        .max_by_key(|(mount, _)| mount.len())
        .ok_or_else(denied)?;
    if !token.is_root() && !policy::reaches(&vault.rules_of(&token), mount) {
        return Err(denied());
    }
    let mut shown = shown(engine.kind());
    shown["path"] = mount.as_str().into();
    Ok(Answer::data(shown))
}

/// `sys/mounts`.
pub(super) fn all(vault: &Vault, request: &Request) -> Answer {
    let mounts = vault
        .namespaces
        .get(&request.namespace)
        .map(|namespace| &namespace.mounts);
    let shown: Map<String, Value> = mounts
        .into_iter()
        .flatten()
        .filter(|(mount, _)| !mount.starts_with("auth/"))
        .map(|(mount, engine)| (mount.clone(), shown(engine.kind())))
        .collect();
    Answer::data(Value::Object(shown))
}

fn shown((kind, version): (&str, Option<&str>)) -> Value {
    json!({
        "type": kind,
        "description": "",
        "options": version.map(|version| json!({ "version": version })),
        "config": { "default_lease_ttl": 0, "max_lease_ttl": 0, "force_no_cache": false },
        "local": false,
        "seal_wrap": false,
    })
}
