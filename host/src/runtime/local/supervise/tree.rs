//! The process tree of one workspace, from the first process to the last.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Signal, WaitOptions, WaitStatus, getpid, wait};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::Instant;

use super::super::dir::WorkspaceDir;
use super::super::log::RotatingLog;
use super::super::proc;
use super::{Report, failed};
use crate::runtime::{Exit, Exited};
use crate::unix_ms;

/// Between TERM and KILL, where whoever sent TERM has not said.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);
/// How often processes that were killed are looked for again: one may have been starting another.
const KILL_AGAIN: Duration = Duration::from_millis(20);
/// What a pipe of Linux holds, so that one read can empty it.
const CHUNK: usize = 64 * 1024;

/// Everything below this supervisor. As it is the subreaper of its descendants, none can get out from under it: a process
/// whose parent has ended becomes its child.
pub(super) struct Tree {
    dir: WorkspaceDir,
    terminate: SignalStream,
    child_ended: SignalStream,
    attached: Option<Attached>,
    /// How the command ended, once it has.
    exited: Option<Exited>,
    phase: Phase,
}

struct Attached {
    command: i32,
    log: RotatingLog,
    output: pipe::Receiver,
    /// False when nobody can write any more.
    open: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// TERM was sent; KILL follows at this time.
    Stopping(Instant),
    /// KILL was sent, and is sent again at this time.
    Killing(Instant),
}

impl Tree {
    /// Begins to listen for signals. Inside a Tokio runtime.
    pub(super) fn new(dir: WorkspaceDir) -> io::Result<Self> {
        Ok(Self {
            dir,
            terminate: signal(SignalKind::terminate())?,
            child_ended: signal(SignalKind::child())?,
            attached: None,
            exited: None,
            phase: Phase::Running,
        })
    }

    /// Makes `command`, which has just been started, the first process of the tree.
    pub(super) fn attach(
        &mut self,
        command: i32,
        log: RotatingLog,
        output: PipeReader,
    ) -> Result<(), Report> {
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output))
            .map_err(|error| failed("read the workspace's output", &error))?;
        self.attached = Some(Attached {
            command,
            log,
            output,
            open: true,
        });
        Ok(())
    }

    /// Kills what there is now.
    pub(super) fn kill_all(&self) {
        self.send(&[Signal::KILL]);
    }

    /// Returns when no process is left, the output is in the log, and the exit is recorded.
    pub(super) async fn watch(mut self) {
        let mut buffer = vec![0; CHUNK];
        // The command may have ended before anybody listened.
        while self.reap() {
            let wake_at = match self.phase {
                Phase::Running => None,
                Phase::Stopping(at) | Phase::Killing(at) => Some(at),
            };
            tokio::select! {
                _ = self.terminate.recv() => self.stop(),
                _ = self.child_ended.recv() => {}
                () = next_output(&mut self.attached, &mut buffer) => {}
                () = sleep_until(wake_at) => self.kill(),
            }
        }
        self.finish(&mut buffer);
    }

    /// Collects ended children; false when none is left. When the command ends, the rest of its tree has no business to go on.
    fn reap(&mut self) -> bool {
        let command = self.attached.as_ref().map(|attached| attached.command);
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if Some(pid.as_raw_pid()) == command => {
                    self.exited = Some(Exited {
                        exit: exit(status),
                        at: Some(unix_ms::now()),
                        out_of_memory: false,
                    });
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return false,
            }
        }
        if self.exited.is_some() && self.phase == Phase::Running {
            self.kill();
        }
        true
    }

    /// A second TERM can shorten the grace of the first, and not lengthen it.
    fn stop(&mut self) {
        let grace = self
            .dir
            .stop()
            .ok()
            .flatten()
            .map_or(DEFAULT_GRACE, |stop| stop.grace);
        // A grace beyond what the clock can hold is as good as a year.
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        let deadline = Instant::now() + grace.min(year);
        self.phase = match self.phase {
            Phase::Running => {
                // A stopped process gets its TERM only when it continues.
                self.send(&[Signal::TERM, Signal::CONT]);
                Phase::Stopping(deadline)
            }
            Phase::Stopping(earlier) => Phase::Stopping(earlier.min(deadline)),
            Phase::Killing(again) => Phase::Killing(again),
        };
    }

    fn kill(&mut self) {
        self.kill_all();
        self.phase = Phase::Killing(Instant::now() + KILL_AGAIN);
    }

    fn send(&self, signals: &[Signal]) {
        for process in proc::descendants(getpid().as_raw_pid()) {
            for signal in signals {
                // A process that may not be signalled (it has become another user) cannot be helped from here.
                drop(process.signal(*signal));
            }
        }
    }

    fn finish(self, buffer: &mut [u8]) {
        if let Some(Attached {
            mut log, output, ..
        }) = self.attached
        {
            // Past the event loop, which does not yet know of what was written last.
            let rest = output.into_nonblocking_fd().map(File::from);
            while let Ok(len @ 1..) = rest.as_ref().map_or(Ok(0), |mut rest| rest.read(buffer)) {
                log.append(buffer.get(..len).unwrap_or_default());
            }
        }
        let exited = self.exited.unwrap_or(Exited {
            at: Some(unix_ms::now()),
            ..Exited::UNSEEN
        });
        // Without the record the platform reports an unknown end, which is then the truth.
        drop(self.dir.write_exit(&exited));
    }
}

/// Moves what there is from the pipe to the log. Never resolves when nobody can write any more.
async fn next_output(attached: &mut Option<Attached>, buffer: &mut [u8]) {
    let Some(attached) = attached.as_mut().filter(|attached| attached.open) else {
        return std::future::pending().await;
    };
    if attached.output.readable().await.is_err() {
        attached.open = false;
        return;
    }
    match attached.output.try_read(buffer) {
        Ok(0) => attached.open = false,
        Ok(len) => attached.log.append(buffer.get(..len).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(_) => attached.open = false,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn exit(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}
