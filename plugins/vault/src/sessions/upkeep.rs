//! Renewing tokens, and revoking those that nobody needs.

use std::time::Duration;

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::memory::World;
use serde_json::json;

use super::{
    Ends,
    book::{Book, Session},
};
use crate::{
    client::{Answer, Ask, Client, Envelope},
    time::{after, left, shown},
};

/// Asked for beyond what is needed.
const SPARE: Duration = Duration::from_secs(60);
/// While Vault does not answer, it is asked again no later than this.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What was found and done.
pub struct Upkeep {
    /// The sessions that live.
    pub ends: Ends,
    /// When to look again.
    pub due: Option<Timestamp>,
    pub(super) changed: bool,
}

/// How a renewal went.
enum Renewed {
    /// For so many seconds.
    For(u64),
    /// It cannot be renewed any more. Its end stays what it is.
    Never,
    /// Vault does not know the token.
    Dead,
}

/// Renews what is due and needed.
pub(super) async fn keep_up<W: World>(client: &Client<W>, book: &mut Book) -> Upkeep {
    let mut changed = drop_unneeded(client, book).await;
    for session in &mut book.sessions {
        let now = client.world.now();
        if session.is_needed(now) && session.renew_at().is_some_and(|at| at <= now) {
            renew(client, session).await;
            changed = true;
        }
    }
    let now = client.world.now();
    changed |= book.bury_dead(now);
    let needed = book
        .sessions
        .iter()
        .filter(|session| session.is_needed(now));
    Upkeep {
        due: needed.filter_map(Session::renew_at).min(),
        ends: book
            .sessions
            .iter()
            .map(|session| (session.number, session.final_end()))
            .collect(),
        changed,
    }
}

/// Renews a session, come what may: whoever uses it next sees how that went.
pub(super) async fn renew<W: World>(client: &Client<W>, session: &mut Session) {
    let now = client.world.now();
    let increment = session.wanted(now) + SPARE;
    (session.try_at, session.asked_until) = (None, Some(after(now, increment)));
    match asked(client, &session.token, increment.as_secs()).await {
        Ok(Renewed::For(seconds)) => {
            session.ends_at = Some(after(now, Duration::from_secs(seconds)));
            session.fading = seconds.saturating_mul(10) < session.ttl.saturating_mul(9);
            warn_of_the_end(session, now);
        }
        Ok(Renewed::Never) => {
            session.fading = true;
            warn_of_the_end(session, now);
        }
        Ok(Renewed::Dead) => session.ends_at = Some(now),
        Err(fault) => {
            let rest = session.ends_at.map_or(TRY_AGAIN, |end| left(now, end) / 4);
            session.try_at = Some(after(now, rest.min(TRY_AGAIN)));
            tracing::warn!(%fault, "the login's token was not renewed; it will be tried again");
        }
    }
}

/// # Errors
/// Vault does not answer.
async fn asked<W: World>(
    client: &Client<W>,
    token: &str,
    increment: u64,
) -> Result<Renewed, Fault> {
    let path = "auth/token/renew-self";
    let ask = Ask::write(path, &json!({ "increment": increment }))?;
    match client.ask(&ask.with(token)).await? {
        Answer::Success(response) => {
            let envelope: Envelope = client.service().read(&response)?;
            let auth = envelope.auth.ok_or_else(|| {
                Fault::transient(format!("expected a token from {path}, found none"))
            })?;
            Ok(Renewed::For(auth.lease_duration))
        }
        Answer::Refused(refusal) if refusal.status() == 400 => Ok(Renewed::Never),
        Answer::Refused(_) => Ok(Renewed::Dead),
    }
}

fn warn_of_the_end(session: &Session, now: Timestamp) {
    let remedy = if session.is_ours() {
        "give the role a token_period, or a longer token_max_ttl"
    } else {
        "give the plugin a periodic token"
    };
    if let Some(end) = session.ends_at
        && session.fading
        && session.is_needed(now)
    {
        tracing::warn!(
            ends_at = %shown(end),
            "Vault does not extend the login's token any further: what was made with it ends with it, also where its own lease is longer; {remedy}"
        );
    }
}

/// Revokes sessions that are neither current nor needed; says whether there were any.
pub(super) async fn drop_unneeded<W: World>(client: &Client<W>, book: &mut Book) -> bool {
    let now = client.world.now();
    let before = book.sessions.len();
    let current = book.current;
    let unneeded = |session: &Session| Some(session.number) != current && !session.is_needed(now);
    for session in book.sessions.iter().filter(|session| unneeded(session)) {
        if session.is_ours() && session.is_alive(now) {
            revoke(client, session).await;
        }
    }
    book.sessions.retain(|session| !unneeded(session));
    book.sessions.len() != before
}

/// Ends a token. If that fails it ends by itself.
pub(super) async fn revoke<W: World>(client: &Client<W>, session: &Session) {
    let revoked = async {
        let ask = Ask::write("auth/token/revoke-self", &json!({}))?;
        client.ask(&ask.with(&session.token)).await
    };
    if let Err(fault) = revoked.await {
        tracing::debug!(%fault, "a token that nobody needs was not revoked; it ends by itself");
    }
}
