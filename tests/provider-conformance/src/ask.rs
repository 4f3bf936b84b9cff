//! One workspace asks: what it was given, or how it failed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use provisionhook_host::{
    capability::Token,
    env::EnvValue,
    fault::{Fault, FaultKind},
};

/// What a workspace was given.
#[derive(Clone, Debug)]
pub enum Given {
    /// A token.
    Token(Arc<Token>),
    /// All variables that the plugin set, by name.
    Variables(Vec<(String, EnvValue)>),
}

impl Given {
    /// The token's value.
    #[must_use]
    pub fn token(&self) -> &str {
        match self {
            Self::Token(token) => token.value.expose(),
            Self::Variables(_) => panic!("expected a token, found variables"),
        }
    }

    /// The value of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> &str {
        let Self::Variables(variables) = self else {
            panic!("expected variables, found a token")
        };
        let found = variables.iter().find(|(known, _)| known == name);
        found
            .unwrap_or_else(|| panic!("expected {name} to be set"))
            .1
            .value
            .expose()
    }

    /// Everything in it that is secret.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Self::Token(token) => vec![token.value.expose()],
            Self::Variables(variables) => variables
                .iter()
                .filter(|(_, value)| value.secret)
                .map(|(_, value)| value.value.expose())
                .collect(),
        }
    }

    /// What is not secret, as far as the plugin says.
    pub(crate) fn open(&self) -> Vec<&str> {
        match self {
            Self::Token(token) => token.username.as_deref().into_iter().collect(),
            Self::Variables(variables) => variables
                .iter()
                .filter(|(_, value)| !value.secret)
                .map(|(_, value)| value.value.expose())
                .collect(),
        }
    }

    /// When it ends, if it says so.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Token(token) => token.expires_at,
            Self::Variables(_) => None,
        }
    }

    pub(crate) fn is_the_same_as(&self, other: &Self) -> bool {
        self.secrets() == other.secrets()
    }
}

/// An ask that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FaultKind,
    /// As the plugin said it, before any redaction.
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) took: Duration,
}

impl Failure {
    pub(crate) fn new(fault: Fault, begun: Instant) -> Self {
        Self {
            kind: fault.kind,
            message: fault.message,
            retry_after: fault.retry_after,
            took: begun.elapsed(),
        }
    }

    /// Panics unless an operator can read it: one line, with something in it, in the style of all messages.
    pub(crate) fn assert_readable(&self) {
        let message = &self.message;
        assert!(
            (20..=1_000).contains(&message.len()) && !message.contains(char::is_control),
            "expected one line of 20 to 1000 bytes that says what was expected, found, and to be done, found: {message:?}"
        );
        assert!(
            !message.ends_with('.'),
            "expected a message without a full stop at its end, found: {message}"
        );
    }
}
