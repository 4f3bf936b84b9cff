//! A new instance after a panic: one at a time, not too often, and never on a thread that runs calls.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::instance::{Instances, MAX_REBUILDS, Slot};
use crate::fault::{Fault, FaultKind};

/// The pause after the first rebuild; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A plugin that has worked for so long starts again with the first pause.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);

/// The instances of a plugin, and their replacement.
pub(super) struct Rebuilt {
    pub(super) instances: Instances,
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Default)]
struct State {
    running: bool,
    pause: Option<Duration>,
    /// When the last attempt ended.
    last: Option<Instant>,
    /// Why the last attempt failed.
    failed: Option<Fault>,
}

impl Rebuilt {
    pub(super) fn new(instances: Instances) -> Self {
        Self {
            instances,
            state: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// The instance to call; a new one if the last has panicked. Waits for the plugin's `create`.
    pub(super) async fn usable(self: &Arc<Self>) -> Result<&Slot, Fault> {
        let mut ended = pin!(self.ended.notified());
        // Listens before it looks, so that an end in between is not missed.
        ended.as_mut().enable();
        if let Some(slot) = self.instances.healthy() {
            return Ok(slot);
        }
        self.begin()?;
        if tokio::time::timeout(self.instances.host.load_limit, ended)
            .await
            .is_err()
        {
            return Err(not_rebuilt("its create has not returned", None));
        }
        self.instances.healthy().ok_or_else(|| {
            let failed = self
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .failed
                .clone();
            failed.unwrap_or_else(|| not_rebuilt("the new instance panicked too", None))
        })
    }

    /// Sees to it that a rebuild is under way, or says why there is none.
    fn begin(self: &Arc<Self>) -> Result<(), Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.running {
            return Ok(());
        }
        if self.instances.rebuilds() >= MAX_REBUILDS {
            let why = format!("it was rebuilt {MAX_REBUILDS} times already; restart the platform");
            return Err(not_rebuilt(&why, None));
        }
        if let Some(wait) = state.wait() {
            return Err(not_rebuilt("it panics too often", Some(wait)));
        }
        let this = Arc::clone(self);
        // A thread of its own: create may block, and may call the blocking host services.
        let spawned = thread::Builder::new()
            .name("plugin rebuild".to_owned())
            .spawn(move || this.run());
        state.running = spawned.is_ok();
        spawned
            .map(|_detached| ())
            .map_err(|error| not_rebuilt(&format!("no thread to do it: {error}"), None))
    }

    fn run(&self) {
        let failed = self.instances.rebuild().err();
        let plugin = &self.instances.host.plugin;
        match &failed {
            None => tracing::warn!(
                plugin,
                rebuilds = self.instances.rebuilds(),
                "plugin rebuilt after a panic"
            ),
            Some(fault) => {
                tracing::error!(plugin, kind = %fault.kind, %fault, "plugin not rebuilt after a panic")
            }
        }
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .end(failed);
        self.ended.notify_waiters();
    }
}

impl State {
    /// How long the next attempt must still wait; `None` = it may begin.
    fn wait(&self) -> Option<Duration> {
        let (pause, last) = (self.pause?, self.last?);
        pause
            .checked_sub(last.elapsed())
            .filter(|wait| !wait.is_zero())
    }

    fn end(&mut self, failed: Option<Fault>) {
        let forgiven = self
            .last
            .is_some_and(|last| last.elapsed() > FORGIVEN_AFTER);
        let pause = self
            .pause
            .filter(|_| !forgiven)
            .map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        *self = Self {
            running: false,
            pause: Some(pause),
            last: Some(Instant::now()),
            failed,
        };
    }
}

fn not_rebuilt(why: &str, retry_after: Option<Duration>) -> Fault {
    let next = retry_after.map_or_else(String::new, |wait| {
        format!("; the next attempt is in {} s", wait.as_secs() + 1)
    });
    let message = format!(
        "the plugin panicked and has no new instance: {why}{next}; report it to its author"
    );
    Fault {
        kind: FaultKind::Panicked,
        message,
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempt_is_at_once_and_the_pauses_double() {
        let mut state = State::default();
        assert_eq!(state.wait(), None);
        let mut pauses = Vec::new();
        for _ in 0..11 {
            state.end(None);
            pauses.push(state.pause.unwrap().as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert!(state.wait().unwrap() > Duration::from_secs(290));
    }
}
