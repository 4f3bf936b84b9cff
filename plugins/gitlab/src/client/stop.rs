//! Silence after the first 401: GitLab bans the address of those who fail to log in too often.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::Fault;

use super::Failed;
use crate::hash::sha256;

/// How long a token that was refused is not tried again.
const PAUSE: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Default)]
pub(super) struct Stop(Mutex<Option<Stopped>>);

#[derive(Debug)]
struct Stopped {
    /// The hash of the refused token; none when the address is shut out, whatever the token.
    token: Option<String>,
    until: Timestamp,
    fault: Fault,
}

impl Stop {
    /// # Errors
    /// What GitLab said when it refused this token, or this address, not long ago.
    pub(super) fn check(&self, token: &str, now: Timestamp) -> Result<(), Failed> {
        let stopped = self.locked();
        let Some(stopped) = stopped.as_ref() else {
            return Ok(());
        };
        let left = stopped.until.duration_since(now);
        let concerns = stopped
            .token
            .as_ref()
            .is_none_or(|known| *known == sha256(token));
        // More than the pause can only mean that the clock was set back.
        if !concerns || !left.is_positive() || left > PAUSE {
            return Ok(());
        }
        let mut fault = stopped.fault.clone();
        if fault.retry_delay().is_some() {
            fault = fault.retry_after(left.unsigned_abs());
        }
        let failed = Failed::certain(fault);
        Err(match stopped.token {
            Some(_) => failed.with_status(401),
            None => failed,
        })
    }

    pub(super) fn note(&self, token: &str, failed: &Failed, now: Timestamp) {
        if !failed.is_unauthorized() && !failed.is_ban {
            return;
        }
        tracing::warn!(
            "GitLab is not asked again until the config changes or {} minutes have passed",
            PAUSE.as_mins()
        );
        *self.locked() = Some(Stopped {
            token: (!failed.is_ban).then(|| sha256(token)),
            until: now.saturating_add(PAUSE).unwrap_or(now),
            fault: failed.fault.clone(),
        });
    }

    fn locked(&self) -> MutexGuard<'_, Option<Stopped>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a fault says that a ban is in force for.
pub(super) fn pause() -> Duration {
    PAUSE.unsigned_abs()
}
