//! Whose workspaces these are, where several platforms share an engine or a cluster.

use std::str::FromStr;

/// The name of a platform, unique on its engine or in its namespace: of two platforms neither sees or touches the other's
/// workspaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform(String);

/// A text that is no name of a platform.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a name of at most 32 lower-case letters, digits and `-` that begins with none, found something else"
)]
pub struct NoPlatform;

impl FromStr for Platform {
    type Err = NoPlatform;

    fn from_str(text: &str) -> Result<Self, NoPlatform> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=32).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoPlatform)
        }
    }
}

impl Platform {
    /// The name alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What everything of this platform is called after.
    #[must_use]
    pub fn name(&self) -> String {
        format!("provisionhook-{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for bad in ["", "-a", "A", "a_b", "a/b", &"x".repeat(33)] {
            assert_eq!(bad.parse::<Platform>(), Err(NoPlatform), "{bad}");
        }
        let name = "agents".parse::<Platform>().unwrap().name();
        assert_eq!(name, "provisionhook-agents");
    }
}
