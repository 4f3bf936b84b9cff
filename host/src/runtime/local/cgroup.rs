//! Limits of memory, processors and processes, by control groups.
//!
//! Plain files: what is needed of them is to make a directory, write five files and remove it again, which leaves a library
//! little to do; and none helps with the hard part, which is where a group may be made ([`find`]).
//!
//! The process that starts the command (the supervisor, or the init of an isolated workspace) enters the group, starts the
//! command, which is in the group from its first instruction on, and leaves again: it takes nothing of what the workspace may
//! use, and a workspace that has no memory left does not take it down.

mod find;
mod group;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(super) use self::group::Group;
use crate::container::Resources;

/// What can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Controller {
    Memory,
    Cpu,
    Pids,
}

impl Controller {
    const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Pids];

    /// What the kernel calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
        }
    }

    /// What it limits, of what is asked for.
    fn limit(self, resources: Resources) -> Option<u64> {
        match self {
            Self::Memory => resources.memory_bytes,
            Self::Cpu => resources.millicpus,
            Self::Pids => resources.pids,
        }
    }
}

/// Which interface the kernel offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Version {
    /// A hierarchy for each controller.
    V1,
    /// One for all.
    V2,
}

/// Where groups are made for one controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) controller: Controller,
    /// The group of each workspace is a directory in here.
    pub(super) groups: PathBuf,
    /// The group that the platform and its supervisors are in.
    pub(super) home: PathBuf,
}

/// What can be limited on this machine, and where.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    version: Option<Version>,
    places: Vec<Place>,
    /// Why not all of it can be.
    missing: String,
}

/// The limits of one workspace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) version: Version,
    pub(super) places: Vec<Place>,
    pub(super) resources: Resources,
}

impl Groups {
    /// Finds a place for the groups of the workspaces in `root` and makes it, and removes groups in which nothing is left.
    pub(super) fn prepare(root: &Path) -> Self {
        find::prepare(root)
    }

    /// Removes the place, if no workspace has a group there. It is made again at the next start.
    pub(super) fn leave(&self) {
        for place in &self.places {
            drop(std::fs::remove_dir(&place.groups));
        }
    }

    /// None, for this reason.
    pub(super) fn none(missing: String) -> Self {
        Self {
            missing,
            ..Self::default()
        }
    }

    /// Why these limits cannot be had, if so.
    pub(super) fn refusal(&self, resources: Resources) -> Option<String> {
        let lacking = Controller::ALL.into_iter().find(|controller| {
            controller.limit(resources).is_some() && self.place(*controller).is_none()
        })?;
        let name = lacking.name();
        let found = &self.missing;
        Some(format!(
            "expected to limit {name}, found that the platform may not: {found}; run it as a service with `Delegate=yes`, or leave the limit out"
        ))
    }

    /// Those of these limits that can be had.
    pub(super) fn possible(&self, resources: Resources) -> Resources {
        let has = |controller| self.place(controller).is_some();
        Resources {
            millicpus: resources.millicpus.filter(|_| has(Controller::Cpu)),
            memory_bytes: resources.memory_bytes.filter(|_| has(Controller::Memory)),
            pids: resources.pids.filter(|_| has(Controller::Pids)),
        }
    }

    /// None without a limit: then a workspace has no group of its own.
    pub(super) fn limits(&self, resources: Resources) -> Option<Limits> {
        let of = |place: &&Place| place.controller.limit(resources).is_some();
        let places: Vec<_> = self.places.iter().filter(of).cloned().collect();
        let version = self.version.filter(|_| !places.is_empty())?;
        Some(Limits {
            version,
            places,
            resources,
        })
    }

    /// Limits that no process notices, to try whether any can be had.
    pub(super) fn trial(&self) -> Option<Limits> {
        self.limits(Resources {
            millicpus: Some(64_000),
            memory_bytes: Some(1 << 40),
            pids: Some(10_000),
        })
    }

    /// In a few words; None if nobody has looked.
    pub(super) fn summary(&self) -> Option<String> {
        let version = match self.version {
            None if self.missing.is_empty() => return None,
            None => return Some(format!("no limits: {}", self.missing)),
            Some(Version::V1) => "v1",
            Some(Version::V2) => "v2",
        };
        let names: Vec<_> = self
            .places
            .iter()
            .map(|place| place.controller.name())
            .collect();
        Some(format!(
            "limits of {} (cgroups {version})",
            names.join(", ")
        ))
    }

    fn place(&self, controller: Controller) -> Option<&Place> {
        self.places
            .iter()
            .find(|place| place.controller == controller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_cannot_be_had_is_refused_and_the_others_are_not() {
        let groups = Groups {
            version: Some(Version::V2),
            places: vec![Place {
                controller: Controller::Pids,
                groups: "/g".into(),
                home: "/h".into(),
            }],
            missing: "memory is not delegated".to_owned(),
        };
        let pids = Resources {
            pids: Some(9),
            ..Resources::default()
        };
        let both = Resources {
            memory_bytes: Some(1 << 20),
            ..pids
        };
        assert_eq!(groups.refusal(pids), None);
        let refusal = groups.refusal(both).unwrap();
        assert!(refusal.contains("limit memory") && refusal.contains("not delegated"));
        assert_eq!(groups.possible(both), pids);
        assert!(groups.limits(Resources::default()).is_none());
        assert_eq!(groups.limits(pids).unwrap().places.len(), 1);
    }
}
