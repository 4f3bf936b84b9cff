//! What the platform's objects are called, and how they are told from everybody else's.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use provisionhook_host::{runtime::Platform, workspace_id::WorkspaceId};

/// The label that holds the platform's name.
pub(crate) const PLATFORM: &str = "provisionhook/platform";
/// The label that holds the workspace's id.
pub(crate) const WORKSPACE: &str = "provisionhook/workspace";
/// The annotation that says until when a Pod that was told to stop must have ended, in milliseconds since the Unix epoch.
pub(crate) const ENDS_BY: &str = "provisionhook/ends-by";
/// The annotation that changes when files have changed, so that the kubelet looks at once.
pub(crate) const FILES: &str = "provisionhook/files-version";

/// The name of a workspace's Pod, and of its claim.
pub(crate) fn pod(platform: &Platform, id: &WorkspaceId) -> String {
    format!("{}-{id}", platform.name())
}

/// The name of the Secret with a workspace's environment. No id has a dot, so that no two of these meet.
pub(crate) fn env_secret(pod: &str) -> String {
    format!("{pod}.env")
}

/// The name of the Secret with a workspace's files of this mode.
pub(crate) fn files_secret(pod: &str, mode: u32) -> String {
    format!("{pod}.files-{mode:04o}")
}

/// The labels of everything that belongs to a workspace.
pub(crate) fn labels(platform: &Platform, id: &WorkspaceId) -> BTreeMap<String, String> {
    BTreeMap::from([
        (PLATFORM.to_owned(), platform.as_str().to_owned()),
        (WORKSPACE.to_owned(), id.to_string()),
    ])
}

/// The selector that finds this platform's objects, and no other's.
pub(crate) fn selector(platform: &Platform) -> String {
    format!("{PLATFORM}={},{WORKSPACE}", platform.as_str())
}

/// The workspace that this object belongs to; none if it is not one of this platform's.
pub(crate) fn workspace(platform: &Platform, object: &ObjectMeta) -> Option<WorkspaceId> {
    let labels = object.labels.as_ref()?;
    let ours = labels.get(PLATFORM)? == platform.as_str();
    labels.get(WORKSPACE).filter(|_| ours)?.parse().ok()
}

/// Why no Pod can be called after this workspace, if so.
pub(crate) fn refusal(id: &WorkspaceId) -> Option<&'static str> {
    id.as_str().ends_with('-').then_some(
        "expected an id that ends with a letter or a digit, found one that ends with `-`, which no Pod can be called: give it another",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_by_their_labels_alone() {
        let (one, other): (Platform, Platform) = ("one".parse().unwrap(), "other".parse().unwrap());
        let id: WorkspaceId = "ws-1".parse().unwrap();
        let object = ObjectMeta {
            name: Some(pod(&one, &id)),
            labels: Some(labels(&one, &id)),
            ..ObjectMeta::default()
        };
        assert_eq!(object.name.as_deref(), Some("provisionhook-one-ws-1"));
        assert_eq!(workspace(&one, &object), Some(id));
        assert_eq!(workspace(&other, &object), None);
        assert_eq!(workspace(&one, &ObjectMeta::default()), None);
    }

    #[test]
    fn secrets_of_two_workspaces_do_not_meet() {
        let name = "provisionhook-one-a";
        assert_eq!(env_secret(name), "provisionhook-one-a.env");
        assert_eq!(files_secret(name, 0o600), "provisionhook-one-a.files-0600");
        assert!(refusal(&"a-".parse().unwrap()).is_some());
        assert!(refusal(&"a-b".parse().unwrap()).is_none());
    }
}
