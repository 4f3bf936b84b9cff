//! `auth/token/…`: looking tokens up, making, renewing and revoking them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{Answer, Envelope};
use crate::refusal::Refusal;
use crate::request::{Operation, Request};
use crate::time::{after, left, shown};
use crate::tokens::{Ended, Plan, Token};
use crate::ttl;
use crate::vault::{Vault, plan_of};
use crate::world::TokenRole;

/// What a login and a renewal answer.
pub(crate) fn answer(token: &Token, warnings: Vec<String>) -> Answer {
    let length = token.expires_at.map(|_| token.creation_ttl);
    shown_as_auth(token, shown(length.unwrap_or_default()), warnings)
}

fn shown_as_auth(token: &Token, seconds: u64, warnings: Vec<String>) -> Answer {
    Answer::of(Envelope {
        auth: json!({
            "client_token": token.id,
            "accessor": token.accessor,
            "policies": token.policies,
            "token_policies": token.policies,
            "metadata": token.meta,
            "lease_duration": seconds,
            "renewable": token.renewable,
            "entity_id": "",
            "token_type": kind(token),
            "orphan": token.parent.is_none(),
            "num_uses": token.uses_left,
            "mfa_requirement": null,
        }),
        warnings,
        ..Envelope::default()
    })
}

fn kind(token: &Token) -> &'static str {
    if token.batch { "batch" } else { "service" }
}

/// A request for what stands behind `auth/token/`.
pub(crate) fn handle(
    vault: &mut Vault,
    caller: &Token,
    path: &str,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    match (path, request.operation) {
        ("lookup-self", Operation::Read | Operation::Update) => Ok(looked_up(caller, now)),
        ("lookup", Operation::Update) => {
            let token = named(vault, request)?;
            Ok(looked_up(&token, now))
        }
        ("renew-self", Operation::Update) => renew(vault, caller, request, now),
        ("renew", Operation::Update) => {
            let token = named(vault, request)?;
            renew(vault, &token, request, now)
        }
        ("revoke-self", Operation::Update) => revoke(vault, caller),
        ("revoke" | "revoke-accessor", Operation::Update) => {
            let token = named(vault, request)?;
            revoke(vault, &token)
        }
        ("create", Operation::Update) => create(vault, caller, request, now),
        (
            "lookup-self" | "lookup" | "renew-self" | "renew" | "revoke-self" | "revoke"
            | "revoke-accessor" | "create",
            _,
        ) => Err(Refusal::unsupported_operation()),
        _ => Err(Refusal::unsupported_path()),
    }
}

/// The token that the body names.
fn named(vault: &Vault, request: &Request) -> Result<Token, Refusal> {
    let found = match (request.text("token"), request.text("accessor")) {
        (Some(token), _) => vault.tokens.alive(token),
        (None, Some(accessor)) => vault.tokens.by_accessor(accessor),
        (None, None) => return Err(Refusal::bad_request("missing token ID")),
    };
    found.cloned().ok_or_else(Refusal::denied)
}

fn looked_up(token: &Token, now: Timestamp) -> Answer {
    let seconds = |length: Option<std::time::Duration>| length.unwrap_or_default().as_secs();
    let mut data = json!({
        "accessor": token.accessor,
        "creation_time": token.issued_at.as_second(),
        "creation_ttl": token.creation_ttl.as_secs(),
        "display_name": token.display_name,
        "entity_id": "",
        "expire_time": token.expires_at.map(|time| time.to_string()),
        "explicit_max_ttl": seconds(token.limits.explicit_max_ttl),
        "id": token.id,
        "issue_time": token.issued_at.to_string(),
        "meta": token.meta,
        "num_uses": token.uses_left,
        "orphan": token.parent.is_none(),
        "path": token.path,
        "policies": token.policies,
        "renewable": token.renewable,
        "ttl": token.expires_at.map_or(0, |end| shown(left(now, end))),
        "type": kind(token),
    });
    if let Some(period) = token.limits.period {
        data["period"] = period.as_secs().into();
    }
    if !token.namespace.is_empty() {
        data["namespace_path"] = format!("{}/", token.namespace).into();
    }
    Answer::data(data)
}

fn renew(
    vault: &mut Vault,
    token: &Token,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    if token.batch {
        return Err(Refusal::bad_request("batch tokens cannot be renewed"));
    }
    if !token.renewable {
        return Err(Refusal::bad_request("lease is not renewable"));
    }
    let increment = request.span("increment");
    let (length, warnings) = ttl::lifetime(token.limits, increment, token.issued_at, now)
        .ok_or_else(|| Refusal::bad_request("past the max TTL, cannot renew"))?;
    let known = vault
        .tokens
        .alive_mut(&token.id)
        .ok_or_else(Refusal::denied)?;
    known.expires_at = Some(after(now, length));
    known.renewals += 1;
    let renewed = known.clone();
    Ok(shown_as_auth(&renewed, shown(length), warnings))
}

fn revoke(vault: &mut Vault, token: &Token) -> Result<Answer, Refusal> {
    if token.batch {
        return Err(Refusal::bad_request("batch tokens cannot be revoked"));
    }
    vault.end_token(&token.id, Ended::Revoked);
    Ok(Answer::nothing())
}

fn create(
    vault: &mut Vault,
    parent: &Token,
    request: &Request,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let flag = |field: &str| request.fields.get(field).and_then(Value::as_bool);
    let wanted: Option<Vec<String>> = request
        .fields
        .get("policies")
        .and_then(|policies| serde_json::from_value(policies.clone()).ok());
    let policies = wanted.unwrap_or_else(|| parent.policies.clone());
    if !parent.is_root()
        && policies
            .iter()
            .any(|policy| !parent.policies.contains(policy))
    {
        return Err(Refusal::bad_request(
            "child policies must be subset of parent",
        ));
    }
    let role = TokenRole {
        policies,
        no_default_policy: flag("no_default_policy").unwrap_or(false),
        ttl: request.span("ttl"),
        period: request.span("period"),
        explicit_max_ttl: request.span("explicit_max_ttl"),
        batch: request.text("type") == Some("batch"),
        not_renewable: flag("renewable") == Some(false),
        ..TokenRole::default()
    };
    let plan = Plan {
        namespace: request.namespace.clone(),
        path: "auth/token/create".to_owned(),
        parent: (flag("no_parent") != Some(true)).then(|| parent.id.clone()),
        display_name: "token".to_owned(),
        ..plan_of(&role)
    };
    let (token, warnings) = vault.tokens.issue(plan, now);
    Ok(answer(&token, warnings))
}
