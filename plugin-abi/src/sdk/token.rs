//! The token that a provider hands out.

use std::{fmt, time::SystemTime};

use zeroize::Zeroizing;

/// A token. Its value is wiped from memory when it is dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct Token {
    pub(crate) value: Zeroizing<String>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) username: Option<String>,
}

impl Token {
    /// A token that does not say when it expires.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: Zeroizing::new(value.into()),
            expires_at: None,
            username: None,
        }
    }

    /// The same token, with the time from which on the upstream refuses it. Precise to the millisecond.
    #[must_use]
    pub fn expires_at(self, time: SystemTime) -> Self {
        Self {
            expires_at: Some(time),
            ..self
        }
    }

    /// The same token, with the user name that goes with it in HTTP basic authentication (git).
    #[must_use]
    pub fn username(self, username: impl Into<String>) -> Self {
        Self {
            username: Some(username.into()),
            ..self
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("value", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .field("username", &self.username)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_value() {
        let shown = format!("{:?}", Token::new("hunter2hunter2").username("bot"));
        assert!(
            shown.contains("[redacted]") && shown.contains("bot") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
