//! The process tree of one workspace, from the first process to the last.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Signal, WaitOptions, WaitStatus, getpid, wait};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::Instant;

use super::super::cgroup::Group;
use super::super::dir::WorkspaceDir;
use super::super::entry::KNOCK;
use super::super::log::RotatingLog;
use super::super::proc;
use super::Report;
use super::sandbox::Init;
use super::still::{Progress, Still};
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
    /// The limits of the workspace, if it has any.
    group: Option<Group>,
    /// How the command ended, once it has.
    exited: Option<Exited>,
    phase: Phase,
}

/// The child of this process that is the first of the workspace's.
pub(super) enum First {
    /// The command itself.
    Command(i32),
    /// The init of its namespaces, which ends with the command and tells how that ended. Then nothing is left.
    Init(Init),
}

impl First {
    fn pid(&self) -> i32 {
        match self {
            Self::Command(pid) => *pid,
            Self::Init(init) => init.pid(),
        }
    }

    fn exit(&mut self, status: WaitStatus) -> Exit {
        match self {
            Self::Command(_) => exit(status),
            Self::Init(init) => init.exit(),
        }
    }
}

struct Attached {
    first: First,
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
            group: None,
            exited: None,
            phase: Phase::Running,
        })
    }

    /// Holds the limits of the workspace, which are to be removed when nothing is left of it.
    pub(super) fn limit(&mut self, group: Option<Group>) -> Option<&Group> {
        self.group = group;
        self.group.as_ref()
    }

    /// Makes `first`, which has just been started, the first process of the tree.
    pub(super) fn attach(
        &mut self,
        first: First,
        log: RotatingLog,
        output: PipeReader,
    ) -> Result<(), Report> {
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output))
            .map_err(|error| Report::failed("read the workspace's output", &error))?;
        self.attached = Some(Attached {
            first,
            log,
            output,
            open: true,
        });
        Ok(())
    }

    /// Kills what there is of a workspace that could not be started.
    pub(super) fn give_up(&self) {
        for process in proc::descendants(getpid().as_raw_pid()) {
            drop(process.signal(Signal::KILL));
        }
        // Until the last child is gone, so that its group can go, too.
        while wait(WaitOptions::empty()).is_ok() {}
        if let Some(group) = &self.group {
            group.remove();
        }
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
        let first = self.attached.as_ref().map(|attached| attached.first.pid());
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if Some(pid.as_raw_pid()) == first => {
                    let first = self.attached.as_mut().map(|attached| &mut attached.first);
                    self.exited = Some(Exited {
                        exit: first.map_or(Exit::Unknown, |first| first.exit(status)),
                        at: Some(unix_ms::now()),
                        out_of_memory: self.group.as_ref().is_some_and(Group::out_of_memory),
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
        let progress = self.still.hold(self.init());
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
        self.send(&[Signal::KILL]);
        self.phase = Phase::Killing(Instant::now() + KILL_AGAIN);
    }

    /// The process id of the init, if there is one.
    fn init(&self) -> Option<i32> {
        match &self.attached.as_ref()?.first {
            First::Init(init) => Some(init.pid()),
            First::Command(_) => None,
        }
    }

    fn send(&self, signals: &[Signal]) {
        let init = self.init();
        for process in proc::descendants(getpid().as_raw_pid()) {
            for signal in signals {
                // An init ends with its command, and tells how that ended.
                let signal = match *signal {
                    Signal::KILL if Some(process.pid) == init => &Signal::CONT,
                    _ => signal,
                };
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
        if let Some(group) = &self.group {
            group.remove();
        }
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

/// How a process ended.
pub(super) fn exit(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Unknown,
    }
}
