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
use super::super::entry::KNOCK;
use super::super::log::RotatingLog;
use super::super::proc;
use super::still::{Progress, Still};
use super::{Report, failed};
use crate::runtime::{Exit, Exited};
use crate::unix_ms;

/// Between TERM and KILL, where whoever sent TERM has not said.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);
/// How often processes that were killed are looked for again: one may have been starting another.
const KILL_AGAIN: Duration = Duration::from_millis(20);
/// Between two looks at processes that are about to stand still.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Between two looks at a paused tree in which some wait inside the kernel.
const LOOK_NOW_AND_THEN: Duration = Duration::from_millis(200);
/// What a pipe of Linux holds, so that one read can empty it.
const CHUNK: usize = 64 * 1024;

/// Everything below this supervisor. As it is the subreaper of its descendants, none can get out from under it: a process
/// whose parent has ended becomes its child.
pub(super) struct Tree {
    dir: WorkspaceDir,
    terminate: SignalStream,
    child_ended: SignalStream,
    knock: SignalStream,
    still: Still,
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
    /// STOP was sent, and is sent to those that are new at this time.
    Pausing(Instant),
    /// Everything stands still. At this time, those that wait inside the kernel are looked at again.
    Paused(Option<Instant>),
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
            knock: signal(SignalKind::from_raw(KNOCK.as_raw()))?,
            still: Still::default(),
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
                Phase::Paused(at) => at,
                Phase::Pausing(at) | Phase::Stopping(at) | Phase::Killing(at) => Some(at),
            };
            tokio::select! {
                _ = self.terminate.recv() => self.stop(),
                _ = self.child_ended.recv() => {}
                () = next_output(&mut self.attached, &mut buffer) => {}
                _ = self.knock.recv() => self.heed(),
                () = sleep_until(wake_at) => self.go_on(),
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
        if self.exited.is_some() && !matches!(self.phase, Phase::Stopping(_) | Phase::Killing(_)) {
            self.kill();
        }
        true
    }

    /// Does what is due.
    fn go_on(&mut self) {
        match self.phase {
            Phase::Running => {}
            Phase::Pausing(_) | Phase::Paused(_) => self.hold(),
            Phase::Stopping(_) | Phase::Killing(_) => self.kill(),
        }
    }

    /// Looks whether the workspace is to stand still, or to go on. One that is told to end is not paused any more.
    fn heed(&mut self) {
        let Ok(ordered) = self.dir.is_pause_ordered() else {
            return;
        };
        match (self.phase, ordered) {
            (Phase::Running, true) => self.hold(),
            (Phase::Running | Phase::Pausing(_) | Phase::Paused(_), false) => {
                self.still.release();
                // While it is still there, the platform takes the workspace for paused, and knocks again.
                drop(self.dir.write_paused(false));
                self.phase = Phase::Running;
            }
            (Phase::Pausing(_) | Phase::Paused(_), true)
            | (Phase::Stopping(_) | Phase::Killing(_), _) => {}
        }
    }

    fn hold(&mut self) {
        let progress = self.still.hold();
        let recorded = matches!(self.phase, Phase::Paused(_))
            || (progress != Progress::Moving && self.dir.write_paused(true).is_ok());
        let in_a_while = Instant::now() + LOOK_NOW_AND_THEN;
        self.phase = match (recorded, progress) {
            (true, Progress::Stopped) => Phase::Paused(None),
            (true, Progress::Waiting | Progress::Moving) => Phase::Paused(Some(in_a_while)),
            // Without the record nobody knows, and the platform gives up and withdraws its order.
            (false, Progress::Stopped | Progress::Waiting) => Phase::Pausing(in_a_while),
            (false, Progress::Moving) => Phase::Pausing(Instant::now() + LOOK_AGAIN),
        };
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
            Phase::Running | Phase::Pausing(_) | Phase::Paused(_) => {
                // A stopped process gets its TERM only when it continues, and may then tidy up.
                drop(self.dir.write_paused(false));
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
