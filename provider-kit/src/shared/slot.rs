//! One key's value, and who is fetching it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};

use super::{
    Rules,
    fetched::{Fetched, Kept},
};
use crate::outside::Outside;

pub(super) struct Slot<V> {
    /// Held by whoever fetches, across the requests.
    turn: async_lock::Mutex<()>,
    /// A `std` mutex: it is never held across a request.
    state: Mutex<State<V>>,
}

struct State<V> {
    kept: Option<Kept<V>>,
    /// How the last fetch failed, if it did.
    failure: Option<Fault>,
    /// How many fetches have ended.
    ended: u64,
}

impl<V: Clone> Slot<V> {
    /// # Errors
    /// The fetch's.
    pub(super) async fn get<O: Outside>(
        &self,
        rules: &Rules,
        outside: &O,
        fetch: impl Future<Output = Result<Fetched<V>, Fault>> + Send,
    ) -> Result<V, Fault> {
        let (ended, useful) = {
            let state = self.state();
            let now = outside.now();
            if let Some(value) = state.fresh(rules, now) {
                return Ok(value);
            }
            (state.ended, state.useful(rules, now))
        };
        let _turn = match (self.turn.try_lock(), useful) {
            (Some(turn), _) => turn,
            (None, Some(value)) => return Ok(value),
            (None, None) => self.turn.lock().await,
        };
        {
            let state = self.state();
            if let Some(value) = state.fresh(rules, outside.now()) {
                return Ok(value);
            }
            if state.ended != ended
                && let Some(failure) = &state.failure
            {
                return state.instead_of(failure.clone(), rules, outside.now());
            }
        }
        match fetch.await {
            Ok(fetched) => {
                let value = fetched.value();
                self.keep(fetched, outside.now());
                Ok(value)
            }
            Err(fault) => {
                let mut state = self.state();
                state.ended += 1;
                state.failure = Some(fault.clone());
                state.instead_of(fault, rules, outside.now())
            }
        }
    }

    pub(super) fn keep(&self, fetched: Fetched<V>, now: Timestamp) {
        let mut state = self.state();
        state.ended += 1;
        state.failure = None;
        state.kept = Some(Kept::new(fetched, now));
    }

    pub(super) fn value(&self) -> Option<V> {
        self.state().kept.as_ref().map(Kept::value)
    }

    fn state(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> State<V> {
    fn fresh(&self, rules: &Rules, now: Timestamp) -> Option<V> {
        let kept = self.kept.as_ref()?;
        kept.is_fresh(rules, now).then(|| kept.value())
    }

    fn useful(&self, rules: &Rules, now: Timestamp) -> Option<V> {
        let kept = self.kept.as_ref()?;
        kept.is_useful(rules, now).then(|| kept.value())
    }

    /// A value that is still useful while the upstream is down. An upstream that is up and refuses has the last word.
    ///
    /// # Errors
    /// The fault, if there is none or it is not transient.
    fn instead_of(&self, fault: Fault, rules: &Rules, now: Timestamp) -> Result<V, Fault> {
        if fault.kind() != FaultKind::TRANSIENT {
            return Err(fault);
        }
        let value = self.useful(rules, now).ok_or_else(|| fault.clone())?;
        tracing::warn!(%fault, "the upstream fails; using an older value");
        Ok(value)
    }
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self {
            turn: async_lock::Mutex::new(()),
            state: Mutex::new(State {
                kept: None,
                failure: None,
                ended: 0,
            }),
        }
    }
}
