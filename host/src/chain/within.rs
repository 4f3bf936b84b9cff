//! A run that answers in time, whatever a plugin does.
//!
//! An inline call that never returns blocks its thread, and no timer can help the task that it is in. So the run gets a
//! task of its own, and whoever waits for it gives up when its time is over. What the plugin holds is lost until it
//! returns: a thread of the runtime, and the edits of the run. Its breaker keeps every later run out of it meanwhile.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, time::timeout_at};

use super::{ChainError, ChainOutcome, Progress, Settings, run_watched};
use crate::{
    call::Call,
    env::BaseEnv,
    fault::{Fault, FaultKind},
    registry::Snapshot,
};

/// How much longer than its budget a run is waited for, so that a timeout inside it can be reported as what it is.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// Runs the plugins on a task of their own on `runtime`, and gives up waiting when `budget`, or the deadline of `call` if
/// that is sooner, is over. `runtime` should have threads to spare for plugins that get stuck.
///
/// # Errors
/// As [`run`](super::run); also if a plugin does not return in time, naming it.
pub async fn run_within(
    runtime: &Handle,
    budget: Duration,
    plugins: Arc<Snapshot>,
    base: Arc<BaseEnv>,
    call: Call,
    settings: Settings,
) -> Result<ChainOutcome, ChainError> {
    within(runtime, budget, plugins, call, |watch, call| async move {
        run_watched(watch.plugins(), base, &call, &settings, watch.progress()).await
    })
    .await
}

/// Does `work` with the plugins on a task of its own, with the call and its deadline.
///
/// # Errors
/// Those of `work`; also if a plugin does not return in time, naming it.
pub(super) async fn within<T, W>(
    runtime: &Handle,
    budget: Duration,
    plugins: Arc<Snapshot>,
    mut call: Call,
    work: impl FnOnce(Watched, Call) -> W,
) -> Result<T, ChainError>
where
    T: Send + 'static,
    W: Future<Output = Result<T, ChainError>> + Send + 'static,
{
    let latest = tokio::time::Instant::now() + budget;
    let deadline = call
        .deadline
        .map_or(latest, |deadline| latest.min(deadline.into()));
    call.deadline = Some(deadline.into_std());
    let watch = Arc::new(Watch {
        plugins,
        progress: Progress::default(),
        state: Mutex::default(),
    });
    let task = runtime.spawn(work(Watched(Arc::clone(&watch)), call));
    let abort = AbortOnDrop(task.abort_handle());
    let result = timeout_at(deadline + GRACE, task).await;
    drop(abort);
    match result {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(watch.error(
            FaultKind::Cancelled,
            "expected an answer, found that the platform stopped the run; try again".to_owned(),
        )),
        Err(_) => Err(watch.give_up(budget)),
    }
}

/// One run, as seen by the task that it runs on and by whoever waits for it.
struct Watch {
    plugins: Arc<Snapshot>,
    progress: Progress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ended: bool,
    /// The plugin whose breaker was told that a call of it is stuck.
    stuck: Option<usize>,
}

/// Held by the task; dropped when the run has ended, however it did.
pub(super) struct Watched(Arc<Watch>);

impl Watched {
    pub(super) fn plugins(&self) -> &Snapshot {
        &self.0.plugins
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.0.progress
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watch {
    fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended = true;
        if let Some(plugin) = state.stuck.take().and_then(|index| self.plugins.get(index)) {
            tracing::warn!(
                plugin = plugin.name,
                "a call that was given up has returned"
            );
            plugin.health.unstuck();
        }
    }

    #[cold]
    fn give_up(&self, budget: Duration) -> ChainError {
        let index = self.progress.current();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = self.plugins.get(index).filter(|_| !state.ended) {
            plugin.health.stuck();
            state.stuck = Some(index);
        }
        drop(state);
        self.error(
            FaultKind::TimedOut,
            format!("expected its call to return within the provision's budget of {budget:?}, found it still at work; its thread is lost until it does, so mend the plugin"),
        )
    }

    fn error(&self, kind: FaultKind, message: String) -> ChainError {
        let plugin = self
            .plugins
            .get(self.progress.current())
            .map_or("(none called yet)", |plugin| &plugin.name);
        ChainError {
            plugin: plugin.to_owned(),
            fault: Fault::new(kind, message),
            steps: Vec::new(),
        }
    }
}
