//! What a runtime of containers is told beyond the command and its environment. Plain data; what a user may write is
//! checked where a request is read.

mod image;

use serde::{Deserialize, Serialize};

pub use self::image::{Image, NoImage};

/// The container of a workspace, as its user asked for it. What is left out is the operator's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Container {
    /// The image, such as `ghcr.io/acme/agent:3` or `agent@sha256:…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Who the command runs as: `name`, `uid` or `uid:gid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The network that it is connected to, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// What of the outside it sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Limits.
    pub resources: Resources,
    /// How many times the runtime starts the command again when it ends with another code than 0; none unless told.
    pub max_restarts: u32,
}

/// A directory, a file or a named volume that a container sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// An absolute path on the machine of the runtime, or the name of a volume.
    pub source: String,
    /// An absolute path in the container.
    pub target: String,
    /// Whether the container may not write there.
    #[serde(default)]
    pub read_only: bool,
}

/// The most that a container may use; what is left out is not limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Thousandths of a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millicpus: Option<u64>,
    /// Bytes of memory, without swap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processes and threads at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u64>,
}

impl Resources {
    /// The same, with what is left out taken from `default`.
    #[must_use]
    pub fn or(self, default: Self) -> Self {
        Self {
            millicpus: self.millicpus.or(default.millicpus),
            memory_bytes: self.memory_bytes.or(default.memory_bytes),
            pids: self.pids.or(default.pids),
        }
    }
}
