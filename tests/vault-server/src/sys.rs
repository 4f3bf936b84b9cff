//! `sys/…`: mounts, leases and wrapping. Health is in [`mode`](crate::mode).

mod leases;
mod mounts;

use jiff::Timestamp;
use serde_json::Value;

use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::request::{Operation, Request};
use crate::vault::Vault;
use crate::wrapping;

/// What needs no policy, because it looks at the token by itself; none if the request is for something else.
pub(crate) fn without_policy(
    vault: &mut Vault,
    request: &Request,
    now: Timestamp,
) -> Option<Result<Answer, Refusal>> {
    if let Some(path) = request.path.strip_prefix("sys/internal/ui/mounts/") {
        return Some(match request.operation {
            Operation::Read => mounts::of_path(vault, request, path),
            Operation::List | Operation::Update | Operation::Delete => {
                Err(Refusal::unsupported_operation())
            }
        });
    }
    // With the token in the body, the one in the header is the caller's own.
    let token = request.text("token").or(request.token.as_deref());
    let answer = match request.path.as_str() {
        "sys/wrapping/lookup" => token
            .ok_or_else(wrapping::invalid)
            .and_then(|token| vault.wrapping(token)),
        "sys/wrapping/unwrap" if request.text("token").is_none() => {
            let token = token.map(str::to_owned);
            token
                .ok_or_else(wrapping::invalid)
                .and_then(|token| vault.unwrap(&token))
        }
        _ => return None,
    };
    vault.expire(now);
    Some(answer)
}

/// A request for what stands behind `sys/`, by a token that may.
pub(crate) fn handle(
    vault: &mut Vault,
    path: &str,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    match (path, request.operation) {
        ("leases/renew" | "renew", Operation::Update) => leases::renew(vault, request, now),
        ("leases/revoke" | "revoke", Operation::Update) => leases::revoke(vault, request),
        ("leases/lookup", Operation::Update) => leases::look_up(vault, request, now),
        ("wrapping/unwrap", Operation::Update) => {
            let token = request.text("token").ok_or_else(wrapping::invalid)?;
            vault.unwrap(token)
        }
        ("wrapping/wrap", Operation::Update) => {
            Ok(Answer::data(Value::Object(request.fields.clone())))
        }
        ("mounts", Operation::Read) => Ok(mounts::all(vault, request)),
        (
            "leases/renew" | "renew" | "leases/revoke" | "revoke" | "leases/lookup"
            | "wrapping/unwrap" | "wrapping/wrap" | "mounts",
            _,
        ) => Err(Refusal::unsupported_operation()),
        _ => Err(Refusal::unsupported_path()),
    }
}
