//! What is left of a workspace whose supervisor was killed.

use std::collections::HashSet;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::entry::blocking;
use super::proc::{self, Process};
use crate::runtime::{RuntimeError, RuntimeErrorKind, WORKSPACE_ID_KEY};
use crate::workspace_id::WorkspaceId;

/// Between two looks at the process table.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How long a killed process may take to go. One that waits for a dead disk goes later, or never.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);

/// Asks every process that carries the workspace's id to end, kills what is left after `grace`, and returns when none is left.
pub(super) async fn end(id: &WorkspaceId, grace: Duration) -> Result<(), RuntimeError> {
    let begun = Instant::now();
    let mut asked = false;
    let mut left = HashSet::new();
    loop {
        let signals: &'static [Signal] = match (begun.elapsed() >= grace, asked) {
            (true, _) => &[Signal::KILL],
            (false, false) => &[Signal::TERM, Signal::CONT],
            (false, true) => &[],
        };
        asked = true;
        left = signal(id, left, signals).await.map_err(|error| {
            RuntimeError::io(
                id.as_str(),
                "cannot end what is left of the workspace",
                error,
            )
        })?;
        if left.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > grace.saturating_add(GIVE_UP_AFTER) {
            return Err(immortal(id, &left));
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Signals those that are there, and gives them. `before` were there at the last look: one that is about to be gone has lost its
/// environment already, and is still there.
async fn signal(
    id: &WorkspaceId,
    before: HashSet<Process>,
    signals: &'static [Signal],
) -> std::io::Result<HashSet<Process>> {
    let entry = format!("{WORKSPACE_ID_KEY}={id}");
    blocking(move || {
        let mut left = before;
        left.retain(|process| Process::of(process.pid) == Some(*process));
        left.extend(proc::with_environment_entry(&entry));
        for process in &left {
            for signal in signals {
                process.signal(*signal)?;
            }
        }
        Ok(left)
    })
    .await
}

fn immortal(id: &WorkspaceId, left: &HashSet<Process>) -> RuntimeError {
    let pids: Vec<_> = left.iter().map(|process| process.pid).collect();
    let message = format!(
        "expected its processes to end when killed, found {pids:?} still there: end them by hand"
    );
    RuntimeError::new(id, RuntimeErrorKind::StillRunning, message)
}
