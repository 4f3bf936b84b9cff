//! The control group of one workspace.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Controller, Limits, Version};
use crate::workspace_id::WorkspaceId;

/// Over which processor time is measured out, in microseconds.
const PERIOD: u64 = 100_000;
/// The least that the kernel measures out.
const LEAST_QUOTA: u64 = 1_000;

/// The most processes that a kernel has; it takes no higher limit.
const MOST_PIDS: u64 = 4 * 1024 * 1024;
/// Who starts the command is in the group until that is done, and is none of the workspace's processes.
const STARTER: u64 = 1;

/// A group that exists, with its limits.
pub(in crate::runtime::local) struct Group {
    id: WorkspaceId,
    limits: Limits,
    /// Processes that were killed for want of memory before this run of the workspace.
    killed_before: u64,
}

impl Group {
    /// Makes the group, or takes over what an earlier run has left of it.
    pub(in crate::runtime::local) fn create(id: &WorkspaceId, limits: Limits) -> io::Result<Self> {
        let mut group = Self {
            id: id.clone(),
            limits,
            killed_before: 0,
        };
        let made = group.make();
        if made.is_err() {
            group.remove();
        }
        made?;
        group.killed_before = group.killed();
        Ok(group)
    }

    /// Puts a process into the group; what it starts from then on is in it, too.
    pub(in crate::runtime::local) fn enter(&self, pid: i32) -> io::Result<()> {
        let groups = self.directories();
        groups
            .iter()
            .try_for_each(|group| write(&group.join("cgroup.procs"), &pid.to_string()))
    }

    /// Takes that process out again, and leaves what it has started.
    pub(in crate::runtime::local) fn leave(&self, pid: i32) -> io::Result<()> {
        let mut homes: Vec<_> = self.limits.places.iter().map(|place| &place.home).collect();
        homes.dedup();
        homes
            .iter()
            .try_for_each(|home| write(&home.join("cgroup.procs"), &pid.to_string()))?;
        self.limit_pids(0)
    }

    /// Whether a process was killed for want of memory.
    pub(in crate::runtime::local) fn out_of_memory(&self) -> bool {
        self.killed() > self.killed_before
    }

    /// Removes the group, once nothing lives in it. One that cannot be removed takes next to nothing, and goes at the next start.
    pub(in crate::runtime::local) fn remove(&self) {
        for group in self.directories() {
            drop(fs::remove_dir(group));
        }
    }

    fn make(&self) -> io::Result<()> {
        for group in self.directories() {
            match fs::create_dir(&group) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        for place in &self.limits.places {
            let group = place.groups.join(self.id.as_str());
            if let Some(limit) = place.controller.limit(self.limits.resources) {
                limit_to(self.limits.version, place.controller, &group, limit)?;
            }
        }
        self.limit_pids(STARTER)
    }

    /// Limits the number of processes, and lets this many more in.
    fn limit_pids(&self, more: u64) -> io::Result<()> {
        let (version, resources) = (self.limits.version, self.limits.resources);
        let mut places = self.limits.places.iter();
        let pids = places.find(|place| place.controller == Controller::Pids);
        match (pids, resources.pids) {
            (Some(place), Some(limit)) => {
                let group = place.groups.join(self.id.as_str());
                limit_to(
                    version,
                    Controller::Pids,
                    &group,
                    limit.saturating_add(more),
                )
            }
            _ => Ok(()),
        }
    }

    fn directories(&self) -> Vec<PathBuf> {
        let places = self.limits.places.iter();
        let mut groups: Vec<_> = places
            .map(|place| place.groups.join(self.id.as_str()))
            .collect();
        groups.dedup();
        groups
    }

    fn killed(&self) -> u64 {
        let memory = |place: &&super::Place| place.controller == Controller::Memory;
        let Some(place) = self.limits.places.iter().find(memory) else {
            return 0;
        };
        let file = match self.limits.version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        let group = place.groups.join(self.id.as_str());
        let text = fs::read_to_string(group.join(file)).unwrap_or_default();
        text.lines()
            .find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
            .unwrap_or(0)
    }
}

fn limit_to(version: Version, controller: Controller, group: &Path, limit: u64) -> io::Result<()> {
    let set = |file: &str, value: String| write(&group.join(file), &value);
    let if_there = |outcome: io::Result<()>| match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    };
    let quota = limit.saturating_mul(PERIOD / 1000).max(LEAST_QUOTA);
    match (version, controller) {
        (Version::V1, Controller::Memory) => {
            let with_swap = "memory.memsw.limit_in_bytes";
            // The limit with swap may not be the smaller one at any time, as it could be in a group that is there already.
            drop(set(with_swap, "-1".to_owned()));
            set("memory.limit_in_bytes", limit.to_string())?;
            if_there(set(with_swap, limit.to_string()))
        }
        (Version::V2, Controller::Memory) => {
            set("memory.max", limit.to_string())?;
            if_there(set("memory.swap.max", "0".to_owned()))
        }
        (Version::V1, Controller::Cpu) => {
            set("cpu.cfs_period_us", PERIOD.to_string())?;
            set("cpu.cfs_quota_us", quota.to_string())
        }
        (Version::V2, Controller::Cpu) => set("cpu.max", format!("{quota} {PERIOD}")),
        (_, Controller::Pids) => set("pids.max", limit.min(MOST_PIDS).to_string()),
    }
}

/// Tells the kernel something, in one write.
pub(super) fn write(file: &Path, value: &str) -> io::Result<()> {
    File::options()
        .write(true)
        .open(file)?
        .write_all(value.as_bytes())
}
