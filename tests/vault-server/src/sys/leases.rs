//! Leases: looked up, renewed and revoked by whoever has a policy for it, whoever made them.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{Answer, Envelope};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::time::{left, shown};
use crate::tokens::Ended;
use crate::vault::Vault;

pub(super) fn renew(
    vault: &mut Vault,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let id = id(request)?;
    if vault
        .leases
        .alive(id)
        .is_some_and(|lease| lease.namespace != request.namespace)
    {
        return Err(Refusal::bad_request(
            "cannot renew a lease across namespaces",
        ));
    }
    let (length, warnings) = vault
        .leases
        .renew(id, request.span("increment"), now)
        .map_err(Refusal::bad_request)?;
    Ok(Answer::of(Envelope {
        lease_id: id.to_owned(),
        lease_seconds: shown(length),
        renewable: true,
        warnings,
        ..Envelope::default()
    }))
}

/// 204 with `sync`; without, Vault only queues it and says 202.
pub(super) fn revoke(vault: &mut Vault, request: &Request) -> Result<Answer, Refusal> {
    let id = id(request)?;
    vault.leases.end(id, Ended::Revoked);
    let sync = request.fields.get("sync").and_then(Value::as_bool) == Some(true);
    Ok(Answer::Empty(if sync {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::ACCEPTED
    }))
}

pub(super) fn look_up(vault: &Vault, request: &Request, now: Timestamp) -> Result<Answer, Refusal> {
    let lease = vault
        .leases
        .alive(id(request)?)
        .ok_or_else(|| Refusal::bad_request("invalid lease"))?;
    Ok(Answer::data(json!({
        "id": lease.id,
        "issue_time": lease.issued_at.to_string(),
        "expire_time": lease.expires_at.to_string(),
        "last_renewal": lease.last_renewal.map(|time| time.to_string()),
        "renewable": lease.renewable,
        "ttl": shown(left(now, lease.expires_at)),
    })))
}

fn id(request: &Request) -> Result<&str, Refusal> {
    request
        .text("lease_id")
        .ok_or_else(|| Refusal::bad_request("lease_id must be specified"))
}
