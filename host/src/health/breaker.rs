//! Keeps the host from calling a plugin that only times out, panics or never returns.
//!
//! It fails such calls at once with the kind of fault that tripped it, so that the operator's policy holds as before; it
//! never makes the host go on without a plugin that it would otherwise have failed for.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::fault::{Fault, FaultKind};

/// So many timeouts or panics in a row open the breaker; one call that does not return opens it too.
pub const TRIP_AFTER: u32 = 3;
/// How long it stays open at first. Each failed probe doubles it.
pub const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
/// It does not stay open longer than this, unless a call is stuck.
pub const LONGEST_BACK_OFF: Duration = Duration::from_secs(120);

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Lets them through.
    Closed,
    /// Fails them at once.
    Open,
    /// Lets the next one through to see how it fares.
    HalfOpen,
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// INVARIANT: false only if `record` is all zero, so that a call of a well plugin takes no lock.
    attention: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Debug, Default)]
struct Record {
    /// Timeouts and panics in a row.
    failures: u32,
    /// Calls that were given up and have not returned.
    stuck: u32,
    /// What tripped it, and until when it is open; after that it is half open.
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    back_off: Duration,
    cause: FaultKind,
}

impl Breaker {
    /// # Errors
    /// It is open.
    #[inline]
    pub(super) fn admit(&self) -> Result<(), Fault> {
        if self.attention.load(Relaxed) {
            self.admit_slowly()
        } else {
            Ok(())
        }
    }

    #[inline]
    pub(super) fn record(&self, fault: Option<FaultKind>) {
        match fault {
            Some(kind @ (FaultKind::TimedOut | FaultKind::Panicked)) => self.failed(kind),
            Some(FaultKind::Cancelled) => {}
            None
            | Some(
                FaultKind::Config | FaultKind::Transient | FaultKind::Denied | FaultKind::Internal,
            ) => {
                if self.attention.load(Relaxed) {
                    self.answered();
                }
            }
        }
    }

    pub(super) fn stuck(&self) {
        let mut record = self.attend();
        record.stuck += 1;
        record.failures += 1;
        record.trip(FaultKind::TimedOut);
    }

    pub(super) fn unstuck(&self) {
        let mut record = self.attend();
        record.stuck = record.stuck.saturating_sub(1);
        if let Some(open) = &mut record.open {
            open.until = Instant::now() + open.back_off;
        }
    }

    pub(super) fn state(&self) -> (BreakerState, u32) {
        let record = self.lock();
        let state = match record.open {
            None => BreakerState::Closed,
            Some(open) if record.stuck > 0 || Instant::now() < open.until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        };
        (state, record.stuck)
    }

    /// # Errors
    /// It is open.
    #[cold]
    fn admit_slowly(&self) -> Result<(), Fault> {
        let mut record = self.lock();
        let (stuck, failures) = (record.stuck, record.failures);
        let Some(open) = &mut record.open else {
            return Ok(());
        };
        if stuck > 0 {
            return Err(refusal(
                *open,
                format!(
                    "expected a plugin that answers, found {stuck} calls of it that have never returned; mend the plugin, then restart the platform"
                ),
                None,
            ));
        }
        let wait = open.until.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            return Err(refusal(
                *open,
                format!(
                    "expected a plugin that answers, found {failures} failed calls in a row, the last of which {}; it is tried again in {} s",
                    cause(open.cause),
                    wait.as_secs() + 1
                ),
                Some(wait),
            ));
        }
        // This call is the probe; the others stay out until it has ended, or long enough for it to have been dropped.
        open.until = Instant::now() + open.back_off;
        Ok(())
    }

    #[cold]
    fn failed(&self, kind: FaultKind) {
        let mut record = self.attend();
        record.failures += 1;
        if record.failures >= TRIP_AFTER {
            record.trip(kind);
        }
    }

    #[cold]
    fn answered(&self) {
        let mut record = self.lock();
        record.failures = 0;
        if record.stuck == 0 {
            if record.open.take().is_some() {
                tracing::info!("a plugin answers again; its breaker is closed");
            }
            self.attention.store(false, Relaxed);
        }
    }

    fn attend(&self) -> MutexGuard<'_, Record> {
        let record = self.lock();
        self.attention.store(true, Relaxed);
        record
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn trip(&mut self, cause: FaultKind) {
        let back_off = self.open.map_or(FIRST_BACK_OFF, |open| {
            (open.back_off * 2).min(LONGEST_BACK_OFF)
        });
        self.open = Some(Open {
            until: Instant::now() + back_off,
            back_off,
            cause,
        });
    }
}

fn refusal(open: Open, message: String, retry_after: Option<Duration>) -> Fault {
    Fault {
        retry_after,
        ..Fault::new(open.cause, message)
    }
}

const fn cause(kind: FaultKind) -> &'static str {
    if matches!(kind, FaultKind::Panicked) {
        "panicked"
    } else {
        "timed out"
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn trip(breaker: &Breaker) {
        for _ in 0..TRIP_AFTER {
            assert_eq!(breaker.admit(), Ok(()));
            breaker.record(Some(FaultKind::Panicked));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_closes_after_a_good_probe() {
        let breaker = Breaker::default();
        breaker.record(Some(FaultKind::TimedOut));
        breaker.record(Some(FaultKind::Transient));
        assert!(
            !breaker.attention.load(Relaxed),
            "an answer in between starts the count anew"
        );
        trip(&breaker);
        let fault = breaker.admit().unwrap_err();
        assert_eq!(
            (fault.kind, fault.retry_after),
            (FaultKind::Panicked, Some(FIRST_BACK_OFF))
        );
        assert_eq!(breaker.state().0, BreakerState::Open);
        advance(FIRST_BACK_OFF).await;
        assert_eq!(breaker.state().0, BreakerState::HalfOpen);
        assert_eq!(breaker.admit(), Ok(()));
        assert!(breaker.admit().is_err(), "one probe at a time");
        breaker.record(None);
        assert_eq!(breaker.state().0, BreakerState::Closed);
        assert_eq!(breaker.admit(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn each_failed_probe_doubles_the_wait_up_to_a_limit() {
        let breaker = Breaker::default();
        trip(&breaker);
        let mut wait = FIRST_BACK_OFF;
        for _ in 0..10 {
            advance(wait).await;
            assert_eq!(breaker.admit(), Ok(()));
            breaker.record(Some(FaultKind::TimedOut));
            wait = (wait * 2).min(LONGEST_BACK_OFF);
            assert_eq!(breaker.admit().unwrap_err().retry_after, Some(wait));
        }
        assert_eq!(wait, LONGEST_BACK_OFF);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_call_keeps_it_open_until_it_returns() {
        let breaker = Breaker::default();
        breaker.stuck();
        advance(LONGEST_BACK_OFF * 2).await;
        let fault = breaker.admit().unwrap_err();
        assert!(
            fault.kind == FaultKind::TimedOut && fault.message.contains("never returned"),
            "{fault}"
        );
        assert_eq!(breaker.state(), (BreakerState::Open, 1));
        breaker.unstuck();
        assert!(breaker.admit().is_err());
        advance(FIRST_BACK_OFF).await;
        assert_eq!(breaker.admit(), Ok(()));
        breaker.record(None);
        assert_eq!(breaker.state(), (BreakerState::Closed, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_was_dropped_does_not_keep_it_half_open_for_ever() {
        let breaker = Breaker::default();
        trip(&breaker);
        advance(FIRST_BACK_OFF).await;
        assert_eq!(breaker.admit(), Ok(()));
        advance(FIRST_BACK_OFF).await;
        assert_eq!(breaker.admit(), Ok(()));
    }
}
