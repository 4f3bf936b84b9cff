//! A wrapped secret id: unwrapped once, and kept. That it was unwrapped before, by somebody else, is an alarm.

use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};
use provisionhook_provider_kit::{memory::World, quote::quoted};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    client::{Answer, Ask, Client, Envelope, Refusal},
    kept,
};

const KEY: &str = "secret-id";

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// So that a new one is told from the old. It is worthless once it was used.
    wrapping_token: Zeroizing<String>,
    /// None between the first attempt and its answer.
    secret_id: Option<Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Unwrapped {
    secret_id: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Origin {
    creation_path: String,
}

/// The secret id that the wrapping token stands for, or stood for when it was unwrapped.
///
/// # Errors
/// A `config` fault for a token that does not work, or stands for something else.
pub(super) async fn unwrapped<W: World>(
    client: &Client<W>,
    mount: &str,
    token: &Zeroizing<String>,
) -> Result<Zeroizing<String>, Fault> {
    let tried = match kept::load::<_, Kept>(&client.world, KEY).await? {
        Some(kept) if kept.wrapping_token == *token => match kept.secret_id {
            Some(id) => return Ok(id),
            None => true,
        },
        _ => false,
    };
    // Written before, so that what cannot be kept is not unwrapped.
    keep(client, token, None).await.map_err(in_dry_run)?;
    check_origin(client, mount, token, tried).await?;
    let answer = client
        .ask(&Ask::write("sys/wrapping/unwrap", &json!({}))?.with(token))
        .await?;
    let response = match answer {
        Answer::Success(response) => response,
        Answer::Refused(refusal) => return Err(alarm(&refusal, tried)),
    };
    let mut envelope: Envelope = client.service().read(&response)?;
    let data = envelope.take_data().unwrap_or_default();
    let unwrapped: Unwrapped = serde_json::from_slice(data.as_bytes()).map_err(|_| {
        Fault::config("/auth/approle/wrapped_secret_id: expected a wrapped secret id, found something else behind the token")
    })?;
    keep(client, token, Some(&unwrapped.secret_id)).await?;
    tracing::info!("the secret id was unwrapped, and is kept; the wrapping token is used up");
    Ok(unwrapped.secret_id)
}

/// A dry run keeps nothing, and is no reason to refuse the plugin.
fn in_dry_run(fault: Fault) -> Fault {
    if fault.kind() != FaultKind::DENIED {
        return fault;
    }
    Fault::transient(
        "a dry run does not unwrap the secret id, because it could not keep it; the platform does when it starts",
    )
}

/// Looks at where the wrapping token comes from: one that somebody slipped in stands for something else.
///
/// # Errors
/// It does not come from the role, or does not work.
async fn check_origin<W: World>(
    client: &Client<W>,
    mount: &str,
    token: &str,
    tried: bool,
) -> Result<(), Fault> {
    let answer = client
        .ask(&Ask::write(
            "sys/wrapping/lookup",
            &json!({ "token": token }),
        )?)
        .await?;
    let response = match answer {
        Answer::Success(response) => response,
        Answer::Refused(refusal) => return Err(alarm(&refusal, tried)),
    };
    let mut envelope: Envelope = client.service().read(&response)?;
    let origin = envelope.take_data().unwrap_or_default();
    let origin =
        serde_json::from_slice::<Origin>(origin.as_bytes()).map(|origin| origin.creation_path);
    let prefix = format!("auth/{mount}/role/");
    match origin {
        Ok(path) if path.starts_with(&prefix) && path.ends_with("/secret-id") => Ok(()),
        Ok(path) => Err(Fault::config(format!(
            "/auth/approle/wrapped_secret_id: expected a token from {prefix}NAME/secret-id, found one from {path}; somebody may have \
             put it there: ask whoever delivered it, and do not use it"
        ))),
        Err(_) => Err(Fault::transient(
            "expected to be told where the wrapping token comes from, found an answer without it",
        )),
    }
}

/// A wrapping token works once: either its time is over, or somebody else was faster.
fn alarm(refusal: &Refusal, tried: bool) -> Fault {
    let mine = if tried {
        " This plugin has tried it before and got no answer, which may be the reason."
    } else {
        ""
    };
    tracing::error!(
        tried_before = tried,
        "the wrapping token of the secret id does not work: if its time is not over, somebody else has unwrapped it"
    );
    Fault::config(format!(
        "/auth/approle/wrapped_secret_id: expected a wrapping token that nobody has used, found one that does not work (status {}){}. \
         If its time was not over, somebody else has the secret id: destroy it, and find out who.{mine} Deliver a new one",
        refusal.status(),
        quoted(refusal.message())
    ))
}

/// # Errors
/// The state cannot be written.
async fn keep<W: World>(
    client: &Client<W>,
    wrapping_token: &Zeroizing<String>,
    secret_id: Option<&Zeroizing<String>>,
) -> Result<(), Fault> {
    let kept = Kept {
        wrapping_token: wrapping_token.clone(),
        secret_id: secret_id.cloned(),
    };
    kept::save(&client.world, KEY, &kept).await
}
