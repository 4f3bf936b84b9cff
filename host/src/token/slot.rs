//! One token's place in the cache: the token, the flight that fetches the next one, and the memory of failures.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use arc_swap::ArcSwapOption;
use tokio::sync::watch;

use super::{TokenError, cache::Key, clock::Now, fresh::Cached};
use crate::{
    capability::Token,
    clock::{millis, random_part},
};

/// How the flight ended, for all who wait for it; `None` while it is under way.
pub(super) type Landing = Option<Result<Arc<Token>, TokenError>>;

/// How many tokens that are no longer handed out are still kept out of the logs.
const MOST_RETIRED: usize = 16;
/// How soon after one erasure another may cause a call.
const ERASURE_FLOOR: u64 = 5_000;
/// The longest time for which a failure is repeated to callers without asking again, unless the upstream said so.
const LONGEST_REFUSAL: u64 = 5_000;
/// The longest time between two tries to renew a token that is still good.
const LONGEST_PAUSE: u64 = 60_000;
/// The longest that an upstream may ask to be left alone. GitHub's limits are reset each hour.
const LONGEST_RETRY_AFTER: u64 = 60 * 60 * 1_000;

pub(super) struct Slot {
    pub(super) hash: u64,
    pub(super) key: Key,
    current: ArcSwapOption<Cached>,
    /// The broker's age at which an ask should start a renewal; `u64::MAX` while one is under way.
    renew_at: AtomicU64,
    /// The broker's age when it was last asked for, to within a second.
    used_at: AtomicU64,
    /// A std mutex: held for a few instructions, never across an await, and never for a cached token.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    flight: Option<watch::Receiver<Landing>>,
    failure: Option<Failure>,
    /// Failures in a row.
    failures: u32,
    /// Tokens that were replaced or erased and may still open doors, so that they stay out of the logs too.
    retired: Vec<Arc<Cached>>,
    /// The earliest age for the call that the last erasure causes.
    erasure_call_at: Option<u64>,
}

struct Failure {
    error: TokenError,
    /// Until then callers get the error.
    refuse_until: u64,
}

/// What the task that fetches a token needs to begin.
pub(super) struct Start {
    /// Where to say how it ended.
    pub(super) landing: watch::Sender<Landing>,
    /// The broker's age before which it must not call.
    pub(super) not_before: u64,
}

/// What an ask finds that found no token in the cache.
pub(super) enum Joined {
    Done(Result<Arc<Token>, TokenError>),
    Flight(watch::Receiver<Landing>),
}

impl Slot {
    pub(super) fn new(hash: u64, key: Key, now: Now) -> Self {
        Self {
            hash,
            key,
            current: ArcSwapOption::empty(),
            renew_at: AtomicU64::new(u64::MAX),
            used_at: AtomicU64::new(now.age),
            state: Mutex::default(),
        }
    }

    /// The token, if it may be handed out now. Takes no lock.
    pub(super) fn usable(&self, now: Now) -> Option<Arc<Token>> {
        // Not stored on each read, as cores would fight for the cache line.
        if now.age.saturating_sub(self.used_at.load(Relaxed)) > 1_000 {
            self.used_at.store(now.age, Relaxed);
        }
        let current = self.current.load();
        let cached = current.as_ref().filter(|cached| cached.usable(now))?;
        Some(Arc::clone(&cached.token))
    }

    pub(super) fn wants_refresh(&self, now: Now) -> bool {
        self.renew_at.load(Relaxed) <= now.age
    }

    /// Renews ahead of expiry, unless somebody already does.
    pub(super) fn refresh(&self, now: Now, start: impl FnOnce(Start)) {
        let mut state = self.state();
        if self.wants_refresh(now) && state.live_flight().is_none() {
            self.start(&mut state, now, start);
        }
    }

    /// Joins the flight that fetches a token, or starts one.
    pub(super) fn join(&self, now: Now, start: impl FnOnce(Start)) -> Joined {
        let mut state = self.state();
        if let Some(token) = self.usable(now) {
            return Joined::Done(Ok(token));
        }
        if let Some(flight) = state.live_flight() {
            return Joined::Flight(flight);
        }
        if let Some(failure) = state
            .failure
            .as_ref()
            .filter(|failure| now.age < failure.refuse_until)
        {
            return Joined::Done(Err(failure.error.clone()));
        }
        Joined::Flight(self.start(&mut state, now, start))
    }

    /// Takes in how the flight ended, and tells those who wait.
    pub(super) fn land(
        &self,
        result: Result<Cached, TokenError>,
        now: Now,
        landing: &watch::Sender<Landing>,
    ) {
        let mut state = self.state();
        state.flight = None;
        let result = match result {
            Ok(cached) => Ok(self.succeed(&mut state, cached, now)),
            Err(error) => {
                self.fail(&mut state, &error, now);
                Err(error)
            }
        };
        drop(state);
        landing.send_replace(Some(result));
    }

    /// Drops the token if it is the one, and says whether it was.
    pub(super) fn erase(&self, now: Now, same: impl Fn(&Token) -> bool) -> bool {
        let mut state = self.state();
        if !self
            .current
            .load()
            .as_ref()
            .is_some_and(|cached| same(&cached.token))
        {
            return false;
        }
        state.retire(self.current.swap(None), now);
        self.renew_at.store(u64::MAX, Relaxed);
        let earliest = state
            .erasure_call_at
            .map_or(now.age, |last| last.saturating_add(ERASURE_FLOOR));
        state.erasure_call_at = Some(earliest.max(now.age));
        true
    }

    /// The least is pushed out first: what holds no good token, then what was not used for longest; what is being
    /// fetched comes last, as somebody waits for it.
    pub(super) fn worth(&self, now: Now) -> (bool, bool, u64) {
        let used_at = self.used_at.load(Relaxed);
        let good = self
            .current
            .load()
            .as_ref()
            .is_some_and(|cached| cached.usable(now));
        (self.state().live_flight().is_some(), good, used_at)
    }

    fn start(
        &self,
        state: &mut State,
        now: Now,
        start: impl FnOnce(Start),
    ) -> watch::Receiver<Landing> {
        let (landing, flight) = watch::channel(None);
        state.flight = Some(flight.clone());
        self.renew_at.store(u64::MAX, Relaxed);
        start(Start {
            landing,
            not_before: state.erasure_call_at.unwrap_or(now.age),
        });
        flight
    }

    fn succeed(&self, state: &mut State, cached: Cached, now: Now) -> Arc<Token> {
        if state.failures > 0 {
            let (provider, failures) = (&*self.key.provider, state.failures);
            tracing::info!(provider, failures, "the token provider works again");
        }
        state.failures = 0;
        state.failure = None;
        let token = Arc::clone(&cached.token);
        self.renew_at.store(cached.renew_at, Relaxed);
        state.retire(self.current.swap(Some(Arc::new(cached))), now);
        token
    }

    fn fail(&self, state: &mut State, error: &TokenError, now: Now) {
        let stale = self
            .current
            .load()
            .as_ref()
            .is_some_and(|cached| cached.usable(now));
        if stale && state.failures == 0 {
            let provider = &*self.key.provider;
            tracing::warn!(provider, %error, "cannot renew a token; serving the one at hand until it expires");
        }
        // 1 s, 2 s, 4 s, …, each between half of it and the whole, so that failing slots do not march in step.
        let pause = 1_000_u64
            .checked_shl(state.failures.min(16))
            .unwrap_or(u64::MAX);
        let pause = |longest| random_part(pause.min(longest), 50..=100);
        let asked = error
            .retry_after()
            .map(|after| millis(after).min(LONGEST_RETRY_AFTER));
        state.failures = state.failures.saturating_add(1);
        let refuse_until = now
            .age
            .saturating_add(asked.unwrap_or_else(|| pause(LONGEST_REFUSAL)));
        state.failure = Some(Failure {
            error: error.clone(),
            refuse_until,
        });
        if stale {
            let renew_at = now
                .age
                .saturating_add(asked.unwrap_or_else(|| pause(LONGEST_PAUSE)));
            self.renew_at.store(renew_at, Relaxed);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn retire(&mut self, old: Option<Arc<Cached>>, now: Now) {
        self.retired.retain(|cached| cached.usable(now));
        if self.retired.len() >= MOST_RETIRED {
            self.retired.remove(0);
        }
        self.retired.extend(old);
    }

    /// The flight that is under way. One whose task was dropped with its runtime never lands, and does not count.
    fn live_flight(&self) -> Option<watch::Receiver<Landing>> {
        self.flight
            .clone()
            .filter(|flight| flight.has_changed().is_ok())
    }
}
