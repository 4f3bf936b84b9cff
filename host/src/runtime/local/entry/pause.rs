//! Pausing a workspace and letting it go on: an order in its directory, a knock at its supervisor, and its answer in the directory.

use std::io;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::super::dir::WorkspaceDir;
use super::{Entry, blocking};
use crate::runtime::{RuntimeError, RuntimeErrorKind, RuntimeState};

/// Makes a supervisor look at its orders. A process that does not listen for it ignores it, so it kills neither a supervisor that
/// is about to listen nor one of an older version.
pub(in super::super) const KNOCK: Signal = Signal::WINCH;
/// Between two looks for the answer, each with a knock.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long the processes of a workspace may take to stand still.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

impl Entry {
    pub(in super::super) async fn pause(&self) -> Result<(), RuntimeError> {
        let _changing = self.changing.lock().await;
        if self.is_paused("pause")? {
            return Ok(());
        }
        let stood_still = self.tell(true).await;
        if stood_still.is_err() && self.is_paused("pause").is_ok() {
            // It may have been paused in part, or be so only now.
            self.tell(false).await?;
        }
        stood_still
    }

    pub(in super::super) async fn resume(&self) -> Result<(), RuntimeError> {
        let _changing = self.changing.lock().await;
        let paused = self.is_paused("resume")?;
        // The order of a platform that died may not have been carried out yet.
        if paused || self.look(WorkspaceDir::is_pause_ordered).await? {
            self.tell(false).await?;
        }
        Ok(())
    }

    fn is_paused(&self, purpose: &str) -> Result<bool, RuntimeError> {
        match self.state() {
            RuntimeState::Running { paused, .. } => Ok(paused),
            RuntimeState::Absent | RuntimeState::Exited(_) => {
                Err(RuntimeError::not_running(&self.id, purpose))
            }
        }
    }

    /// Orders the supervisor to pause the workspace or to let it go on, and waits until it has.
    async fn tell(&self, paused: bool) -> Result<(), RuntimeError> {
        let begun = Instant::now();
        self.look(move |dir| dir.order_pause(paused)).await?;
        loop {
            self.look(knock).await?;
            if self.look(WorkspaceDir::is_paused).await? == paused {
                break;
            }
            self.is_paused(if paused { "pause" } else { "resume" })?;
            if begun.elapsed() > GIVE_UP_AFTER {
                return Err(self.unmoved(paused));
            }
            sleep(LOOK_AGAIN).await;
        }
        self.state.send_if_modified(|state| match state {
            RuntimeState::Running { paused: known, .. } => {
                *known = paused;
                true
            }
            RuntimeState::Absent | RuntimeState::Exited(_) => false,
        });
        Ok(())
    }

    async fn look<T: Send + 'static>(
        &self,
        at: impl FnOnce(&WorkspaceDir) -> io::Result<T> + Send + 'static,
    ) -> Result<T, RuntimeError> {
        let dir = self.dir.clone();
        blocking(move || at(&dir))
            .await
            .map_err(|error| self.io("cannot ask the supervisor to pause or resume", error))
    }

    fn unmoved(&self, paused: bool) -> RuntimeError {
        let (wanted, found) = if paused {
            ("stand still", "some that go on, perhaps of another user")
        } else {
            ("go on", "some that stand still")
        };
        let message = format!(
            "expected its processes to {wanted} within {} s, found {found}, or a supervisor of an older version: restart it",
            GIVE_UP_AFTER.as_secs()
        );
        RuntimeError::new(&self.id, RuntimeErrorKind::Supervisor, message)
    }
}

fn knock(dir: &WorkspaceDir) -> io::Result<()> {
    match dir.supervisor()? {
        Some(record) => record.process.signal(KNOCK),
        None => Ok(()),
    }
}
