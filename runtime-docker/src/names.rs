//! What the platform's containers are called, and how they are told from everybody else's.

use std::{collections::HashMap, str::FromStr};

use provisionhook_host::workspace_id::WorkspaceId;

/// The label that holds the platform's name.
pub(crate) const PLATFORM: &str = "provisionhook.platform";
/// The label that holds the workspace's id.
pub(crate) const WORKSPACE: &str = "provisionhook.workspace";

/// The name of a platform, unique on its daemon: of two platforms neither sees or touches the other's containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform(String);

/// A text that is no name of a platform.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a name of at most 32 lower-case letters, digits and `-`, found something else")]
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
    /// What everything of this platform is called after.
    #[must_use]
    pub fn name(&self) -> String {
        format!("provisionhook-{}", self.0)
    }

    /// The name of a workspace's container.
    pub(crate) fn container(&self, id: &WorkspaceId) -> String {
        format!("{}-{id}", self.name())
    }

    /// The labels of a workspace's container.
    pub(crate) fn labels(&self, id: &WorkspaceId) -> HashMap<String, String> {
        HashMap::from([
            (PLATFORM.to_owned(), self.0.clone()),
            (WORKSPACE.to_owned(), id.to_string()),
        ])
    }

    /// The filter that finds this platform's containers, and no other's.
    pub(crate) fn filter(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{PLATFORM}={}", self.0)])])
    }

    /// The workspace whose container has these labels; none if it is not one of this platform's.
    pub(crate) fn workspace(&self, labels: &HashMap<String, String>) -> Option<WorkspaceId> {
        let ours = labels.get(PLATFORM).is_some_and(|found| *found == self.0);
        let id = labels.get(WORKSPACE).filter(|_| ours)?;
        id.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_by_their_labels_alone() {
        let (one, other): (Platform, Platform) = ("one".parse().unwrap(), "other".parse().unwrap());
        let id: WorkspaceId = "ws-1".parse().unwrap();
        assert_eq!(one.container(&id), "provisionhook-one-ws-1");
        assert_eq!(one.workspace(&one.labels(&id)), Some(id.clone()));
        assert_eq!(other.workspace(&one.labels(&id)), None);
        assert_eq!(one.workspace(&HashMap::new()), None);
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for bad in ["", "-a", "A", "a_b", "a/b", &"x".repeat(33)] {
            assert_eq!(bad.parse::<Platform>(), Err(NoPlatform), "{bad}");
        }
    }
}
