//! Why there is no token.

use crate::fault::{Fault, FaultKind};

/// There is no token. The text is for the operator's log and never holds one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{kind}", prefix(provider))]
pub struct TokenError {
    /// The plugin that was asked; empty if it never came to that.
    pub provider: String,
    /// What went wrong.
    pub kind: TokenErrorKind,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenErrorKind {
    /// No plugin is loaded at all.
    #[error(
        "expected a plugin that provides tokens, found no plugin at all; put one into the plugin directory"
    )]
    NoPlugins,
    /// Plugins are loaded, none of which provides tokens.
    #[error(
        "expected a plugin with the capability token-provider/1, found none; see the boot report for refused plugins"
    )]
    NoProvider,
    /// No token provider has this name.
    #[error(
        "expected one of the token providers ({}), found {name:?}",
        listed(known)
    )]
    UnknownProvider {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The provider failed.
    #[error("{0}")]
    Provider(Fault),
    /// The provider handed back an empty token.
    #[error("expected a token, found an empty one; this is a defect of the plugin")]
    EmptyToken,
    /// The provider handed back something that no header could carry.
    #[error("expected a token, found {0}; this is a defect of the plugin or of its configuration")]
    Malformed(&'static str),
    /// The token expires too soon to be of use, or did already.
    #[error(
        "expected a token that lives longer than {skew}s, found one with {left}s to live; \
         check the plugin, and the clock of this machine"
    )]
    ExpiresTooSoon {
        /// Seconds left; negative if it is expired.
        left: i64,
        /// The margin, in seconds.
        skew: u64,
    },
    /// The token claims to live absurdly long.
    #[error(
        "expected a token that lives at most {most} days, found one with {days}; check the plugin's configuration"
    )]
    ExpiresTooLate {
        /// Days that it claims to live.
        days: i64,
        /// Days that it may live.
        most: u64,
    },
    /// The caller's deadline passed. The provider is still being asked, for whoever comes next.
    #[error("expected a token before the caller's deadline, found the provider still at work")]
    CallerTimedOut,
    /// The platform is shutting down.
    #[error("the platform stopped before the provider answered")]
    Stopped,
}

impl TokenError {
    /// An error that no provider has to do with.
    #[must_use]
    pub const fn without_provider(kind: TokenErrorKind) -> Self {
        Self {
            provider: String::new(),
            kind,
        }
    }

    /// The kind of fault that this is, for policy and metrics.
    #[must_use]
    pub const fn fault_kind(&self) -> FaultKind {
        match &self.kind {
            TokenErrorKind::NoPlugins
            | TokenErrorKind::NoProvider
            | TokenErrorKind::UnknownProvider { .. }
            | TokenErrorKind::ExpiresTooLate { .. } => FaultKind::Config,
            TokenErrorKind::Provider(fault) => fault.kind,
            TokenErrorKind::EmptyToken
            | TokenErrorKind::Malformed(_)
            | TokenErrorKind::ExpiresTooSoon { .. } => FaultKind::Internal,
            TokenErrorKind::CallerTimedOut => FaultKind::TimedOut,
            TokenErrorKind::Stopped => FaultKind::Cancelled,
        }
    }

    /// How long the upstream wants to be left alone, if it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<std::time::Duration> {
        if let TokenErrorKind::Provider(fault) = &self.kind {
            fault.retry_after
        } else {
            None
        }
    }
}

fn prefix(provider: &str) -> String {
    if provider.is_empty() {
        String::new()
    } else {
        format!("token provider {provider:?}: ")
    }
}

fn listed(known: &[String]) -> String {
    if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    }
}
