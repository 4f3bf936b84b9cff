//! The token that goes into environments: one for all workspaces that start at about the same time.
//!
//! The host caches what it asks a token provider for, but not what a mutator sets: a thousand workspaces at once would
//! otherwise be a thousand tokens.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::Fault;

use crate::{
    app::{App, Minted},
    outside::Outside,
};

/// While GitHub fails, an older token is good enough for a workspace that starts, if it works for this long.
const STALE_BUT_USEFUL: SignedDuration = SignedDuration::from_mins(5);

/// The token, and who is fetching it. Its methods may be called from any thread, at the same time.
#[derive(Debug, Default)]
pub struct Injected {
    /// Held by whoever mints, across the requests; nobody who finds a fresh token waits for it.
    turn: async_lock::Mutex<()>,
    /// A `std` mutex: it is never held across a request.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    minted: Option<Minted>,
    /// How the last attempt failed, if it did.
    failure: Option<Fault>,
    /// How many attempts have ended.
    attempts: u64,
}

impl Injected {
    /// A token with at least half of its life left; or, while GitHub fails, one that is still useful.
    ///
    /// However many ask, one of them mints. Those who waited for it share its failure too.
    ///
    /// # Errors
    /// See [`App::mint`].
    pub async fn token<O: Outside>(&self, app: &App<O>) -> Result<Minted, Fault> {
        let attempts = {
            let state = self.state();
            if let Some(minted) = state.fresh(app.now()) {
                return Ok(minted);
            }
            state.attempts
        };
        let _turn = self.turn.lock().await;
        {
            let state = self.state();
            if let Some(minted) = state.fresh(app.now()) {
                return Ok(minted);
            }
            if state.attempts != attempts
                && let Some(failure) = &state.failure
            {
                return state.stale(app.now()).ok_or_else(|| failure.clone());
            }
        }
        let result = app.mint(&app.settings().bounds.widest()).await;
        let mut state = self.state();
        state.attempts += 1;
        match result {
            Ok(minted) => {
                state.keep(&minted);
                Ok(minted)
            }
            Err(fault) => {
                state.failure = Some(fault.clone());
                let stale = state.stale(app.now()).ok_or(fault)?;
                tracing::warn!(expires_at = %stale.expires_at, "no new token to be had; injecting an older one");
                Ok(stale)
            }
        }
    }

    /// Keeps a token that was minted for another reason, in place of the one before.
    pub fn keep(&self, minted: &Minted) {
        self.state().keep(minted);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn keep(&mut self, minted: &Minted) {
        self.minted = Some(minted.clone());
        self.failure = None;
    }

    fn fresh(&self, now: Timestamp) -> Option<Minted> {
        self.minted.clone().filter(|minted| minted.is_fresh(now))
    }

    fn stale(&self, now: Timestamp) -> Option<Minted> {
        self.minted
            .clone()
            .filter(|minted| minted.left(now) >= STALE_BUT_USEFUL)
    }
}
