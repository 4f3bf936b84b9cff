//! How a plugin's call fails. The kind is data, so that policy lives here in the host and not in each plugin's goodwill.

use std::{fmt, time::Duration};

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// The operator must mend something: a key, an id, a permission.
    Config,
    /// An upstream is down, slow or throttling; trying later may work.
    Transient,
    /// The upstream understood and refused this workspace.
    Denied,
    /// A defect of the plugin or the host.
    Internal,
    /// The plugin panicked.
    Panicked,
    /// The deadline passed.
    TimedOut,
    /// The operation was dropped before it was done.
    Cancelled,
}

impl FaultKind {
    /// All kinds, in the order of the enum.
    pub const ALL: [Self; 7] = [
        Self::Config,
        Self::Transient,
        Self::Denied,
        Self::Internal,
        Self::Panicked,
        Self::TimedOut,
        Self::Cancelled,
    ];

    /// The name that logs, metrics and reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Transient => "transient",
            Self::Denied => "denied",
            Self::Internal => "internal",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed call. The message is for the operator's log and never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of failure it was.
    pub kind: FaultKind,
    /// Expected, found, what to do.
    pub message: String,
    /// Do not ask again for this long, if the upstream said so.
    pub retry_after: Option<Duration>,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
        }
    }
}
