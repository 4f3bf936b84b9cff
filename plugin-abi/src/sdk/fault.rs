//! Why a call failed.

use std::{borrow::Cow, fmt, time::Duration};

use crate::wire::FaultKind;

/// A failure: a kind, on which the host's policy hangs, and a message for the operator's log.
///
/// The message is lower case and says what was expected, what was found and what to do. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
}

impl Fault {
    /// The operator must mend something: a key, an id, a permission.
    pub fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::CONFIG, message)
    }

    /// An upstream is down, slow or throttling. Trying later may work, and by default the host goes on without the plugin.
    pub fn transient(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::TRANSIENT, message)
    }

    /// The upstream understood and refused this workspace.
    pub fn denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::DENIED, message)
    }

    /// A defect of the plugin or of the host.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FaultKind::INTERNAL, message)
    }

    /// The same fault, with the word of the upstream when to come again. Precise to the millisecond.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        Self {
            retry_after: Some(after),
            ..self
        }
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// For the operator.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// When to come again, if the upstream said so.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(crate) fn new(kind: FaultKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
