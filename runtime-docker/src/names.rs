//! What the platform's containers are called, and how they are told from everybody else's.

use std::collections::HashMap;

use provisionhook_host::{runtime::Platform, workspace_id::WorkspaceId};

/// The label that holds the platform's name.
pub(crate) const PLATFORM: &str = "provisionhook.platform";
/// The label that holds the workspace's id.
pub(crate) const WORKSPACE: &str = "provisionhook.workspace";

/// The name of a workspace's container.
pub(crate) fn container(platform: &Platform, id: &WorkspaceId) -> String {
    format!("{}-{id}", platform.name())
}

/// The labels of a workspace's container.
pub(crate) fn labels(platform: &Platform, id: &WorkspaceId) -> HashMap<String, String> {
    HashMap::from([
        (PLATFORM.to_owned(), platform.as_str().to_owned()),
        (WORKSPACE.to_owned(), id.to_string()),
    ])
}

/// The filter that finds this platform's containers, and no other's.
pub(crate) fn filter(platform: &Platform) -> HashMap<String, Vec<String>> {
    HashMap::from([(
        "label".to_owned(),
        vec![format!("{PLATFORM}={}", platform.as_str())],
    )])
}

/// The workspace whose container has these labels; none if it is not one of this platform's.
pub(crate) fn workspace(
    platform: &Platform,
    labels: &HashMap<String, String>,
) -> Option<WorkspaceId> {
    let ours = labels
        .get(PLATFORM)
        .is_some_and(|found| found == platform.as_str());
    let id = labels.get(WORKSPACE).filter(|_| ours)?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_by_their_labels_alone() {
        let (one, other): (Platform, Platform) = ("one".parse().unwrap(), "other".parse().unwrap());
        let id: WorkspaceId = "ws-1".parse().unwrap();
        assert_eq!(container(&one, &id), "provisionhook-one-ws-1");
        assert_eq!(workspace(&one, &labels(&one, &id)), Some(id.clone()));
        assert_eq!(workspace(&other, &labels(&one, &id)), None);
        assert_eq!(workspace(&one, &HashMap::new()), None);
    }
}
