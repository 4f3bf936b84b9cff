//! What `/proc` says about processes, and signals that cannot hit the wrong one.
//!
//! A process id alone is reused; an id with its start time is not, within one boot.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// One process, for as long as the machine is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Field 22 of `/proc/PID/stat`: clock ticks between boot and its start.
    pub(super) start_ticks: u64,
}

impl Process {
    /// The process that has this id now, unless it is a zombie.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self {
            pid,
            start_ticks: living_start_ticks(&stat)?,
        })
    }

    /// A handle on this very process; None if it has ended.
    ///
    /// # Errors
    /// No file descriptor is left.
    pub(super) fn open(self) -> io::Result<Option<OwnedFd>> {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(None);
        };
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Only now is it certain that the handle and the start time belong to one process.
        Ok((Self::of(self.pid) == Some(self)).then_some(handle))
    }

    /// Sends `signal`. A process that has ended is no error: that is what the sender wanted.
    pub(super) fn signal(self, signal: Signal) -> io::Result<()> {
        let Some(handle) = self.open()? else {
            return Ok(());
        };
        match pidfd_send_signal(handle, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes a process handle awaitable: it becomes readable when the process ends. Within a Tokio runtime.
#[expect(
    deprecated,
    reason = "the replacement is unsafe, because a type may lie about its descriptor; an OwnedFd does not"
)]
pub(super) fn awaitable(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(handle, Interest::READABLE)
}

/// Names this boot of the machine.
pub(super) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

/// Whether this kernel lists the children of a process, which [`descendants`] needs.
pub(super) fn lists_children() -> bool {
    fs::exists("/proc/thread-self/children").unwrap_or(false)
}

/// Every living process below `root`, parents before their children. Processes that start meanwhile may be missing.
pub(super) fn descendants(root: i32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for child in children(parent) {
            // A zombie can have no children, so nothing is lost below it.
            if let Some(process) = Process::of(child) {
                found.push(process);
                parents.push(child);
            }
        }
    }
    found
}

/// The process id, as this process sees it, of the child of `init` that has the id `inside` in the PID namespace of `init`.
pub(super) fn outside(init: i32, inside: i32) -> Option<i32> {
    children(init).into_iter().find(|pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        // The innermost namespace comes last.
        ids.and_then(|ids| ids.split_whitespace().last()?.parse().ok()) == Some(inside)
    })
}

/// Every living process whose environment at its start held `entry` (`KEY=value`), with its descendants. Sees only processes of this user.
pub(super) fn with_environment_entry(entry: &str) -> Vec<Process> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes
        .flatten()
        .filter_map(|name| name.file_name().to_str()?.parse().ok());
    let mut found = Vec::new();
    for pid in pids {
        let Some(process) = Process::of(pid) else {
            continue;
        };
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|one| one == entry.as_bytes())
        {
            found.push(process);
            found.extend(descendants(pid));
        }
    }
    found
}

/// What each thread of a process is doing, as `ps` says it: `R`, `S`, `D`, `T`, … Empty for a process that is gone.
pub(super) fn thread_states(pid: i32) -> impl Iterator<Item = char> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
            fields_after_name(&stat)?.next()?.chars().next()
        })
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let lists = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn living_start_ticks(stat: &str) -> Option<u64> {
    let mut fields = fields_after_name(stat)?;
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18)?.parse().ok())?
}

/// The fields from the third on. The second is the name in brackets, and a name may itself hold brackets and blanks.
fn fields_after_name(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_past_a_hostile_name() {
        let tail = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20";
        assert_eq!(
            living_start_ticks(&format!("42 (a) Z (b) S {tail}")),
            Some(777)
        );
        assert_eq!(living_start_ticks(&format!("42 (sh) Z {tail}")), None);
        assert_eq!(living_start_ticks("42"), None);
    }

    #[test]
    fn another_start_time_is_another_process() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let this = Process::of(pid).unwrap();
        assert!(this.open().unwrap().is_some());
        let other = Process {
            start_ticks: this.start_ticks + 1,
            ..this
        };
        assert!(other.open().unwrap().is_none());
    }
}
