//! One call of one plugin: breaker, deadline, panics, counters.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::Poll,
    time::Instant,
};

use tokio::time::{Instant as TimerInstant, timeout_at};

use super::Settings;
use crate::{
    call::Call,
    capability::{EnvMutator, Later, Outcome},
    clock::coarse_now,
    env::Edits,
    fault::{Fault, FaultKind},
    registry::Plugin,
};

/// What the calls of one run share. `now` moves on with each call, so that the end of one is the beginning of the next
/// and each costs one reading of the clock.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) call: &'a Call,
    pub(super) settings: &'a Settings,
    pub(super) now: Instant,
}

/// Which plugin a run is in. Read by whoever waits for the run when it does not answer.
#[derive(Debug)]
pub(super) struct Progress {
    current: AtomicUsize,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            current: AtomicUsize::new(usize::MAX),
        }
    }
}

impl Progress {
    #[inline]
    pub(super) fn enter(&self, index: usize) {
        self.current.store(index, Relaxed);
    }

    /// Index of the plugin that was called last; none has it if none was.
    pub(super) fn current(&self) -> usize {
        self.current.load(Relaxed)
    }
}

impl Attempt<'_> {
    /// Calls the plugin and waits for it as long as it may take. The edits are neither kept nor dropped yet.
    ///
    /// # Errors
    /// The call failed, timed out or panicked, or was not made because the breaker is open or no time is left.
    #[inline]
    pub(super) async fn call(
        &mut self,
        index: usize,
        plugin: &Plugin,
        mutator: &dyn EnvMutator,
        edits: &mut Edits,
    ) -> Result<(), Fault> {
        edits.begin(u32::try_from(index).unwrap_or(u32::MAX), &plugin.keys);
        let call = self.call;
        self.guard(plugin, move || mutator.mutate(call, edits))
            .await
    }

    /// Makes any call of the plugin, and waits for it as long as it may take.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    #[inline]
    pub(super) async fn guard<'f, T>(
        &mut self,
        plugin: &Plugin,
        begin: impl FnOnce() -> Outcome<'f, T>,
    ) -> Result<T, Fault> {
        if self
            .call
            .deadline
            .is_some_and(|deadline| self.now >= deadline)
        {
            return Err(no_time_left());
        }
        plugin.health.admit()?;
        let begun = self.now;
        let result = match caught(begin) {
            Ok(Outcome::Ready(result)) => result,
            Ok(Outcome::Pending(later)) => self.wait(plugin, later).await,
            Err(fault) => Err(fault),
        };
        self.now = coarse_now();
        plugin.health.record(
            result.as_ref().err().map(|fault| fault.kind),
            self.now.saturating_duration_since(begun),
        );
        result
    }

    /// # Errors
    /// The call failed, timed out or panicked.
    async fn wait<T>(&self, plugin: &Plugin, mut later: Later<'_, T>) -> Result<T, Fault> {
        let share = plugin.policy.budget.unwrap_or(self.settings.plugin_budget);
        let own = TimerInstant::now() + share;
        let whole = self
            .call
            .deadline
            .map(TimerInstant::from_std)
            .filter(|whole| *whole < own);
        let guarded = std::future::poll_fn(|context| {
            catch_unwind(AssertUnwindSafe(|| later.as_mut().poll(context)))
                .unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
        });
        match timeout_at(whole.unwrap_or(own), guarded).await {
            Ok(result) => result,
            Err(_) if whole.is_some() => Err(Fault::new(
                FaultKind::TimedOut,
                "expected an answer before the provision's deadline, found none; see what the plugin waits for, or raise the provision's budget",
            )),
            Err(_) => Err(Fault::new(
                FaultKind::TimedOut,
                format!(
                    "expected an answer within its budget of {share:?}, found none; see what the plugin waits for, or raise its budget"
                ),
            )),
        }
    }
}

/// # Errors
/// The plugin, one in code, panicked. A loaded one catches its own panics, and must.
#[inline]
fn caught<'f, T>(begin: impl FnOnce() -> Outcome<'f, T>) -> Result<Outcome<'f, T>, Fault> {
    catch_unwind(AssertUnwindSafe(begin)).map_err(|panic| panicked(&*panic))
}

#[cold]
fn no_time_left() -> Fault {
    Fault::new(
        FaultKind::TimedOut,
        "expected time left for its call, found that the provision's deadline has passed; see which earlier step took it, or raise the provision's budget",
    )
}

#[cold]
fn panicked(payload: &(dyn Any + Send)) -> Fault {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Fault::new(
        FaultKind::Panicked,
        format!(
            "expected an answer, found a panic ({}); report it to the plugin's author",
            text.unwrap_or("no message")
        ),
    )
}
