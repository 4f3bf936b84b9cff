//! What a Pod that has not begun is waiting for, and whether it is worth the wait.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use provisionhook_host::runtime::{RuntimeErrorKind, quoted};

use crate::{
    files::OBSTRUCTED,
    pod::LINKER,
    state::{self, Life},
};

/// How far a Pod has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Its command has been executed.
    Begun,
    /// It may still begin. What it waits for, in the cluster's words.
    Waits(RuntimeErrorKind, String),
    /// It will never begin.
    Hopeless(RuntimeErrorKind, String),
}

/// Reasons of the kubelet that an image cannot be had.
const IMAGE: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
];
/// Reasons of container runtimes that a command was not executed.
const NOT_EXECUTED: [&str; 2] = ["ContainerCannotRun", "StartError"];

/// Looks at the status of a Pod.
pub(crate) fn of(pod: &Pod) -> Progress {
    let status = pod.status.clone().unwrap_or_default();
    for linker in status.init_container_statuses.iter().flatten() {
        if let Some(failed) = linked(linker) {
            return failed;
        }
    }
    for container in status
        .container_statuses
        .iter()
        .flatten()
        .chain(status.init_container_statuses.iter().flatten())
    {
        if let Some(verdict) = verdict(container) {
            return verdict;
        }
    }
    match state::of(pod) {
        Life::Running(_) => Progress::Begun,
        Life::Ended(exited) if exited.at.is_some() => Progress::Begun,
        Life::Ended(_) => {
            let words = [status.reason, status.message].into_iter().flatten();
            let words = quoted(&words.collect::<Vec<_>>().join(": "));
            let message = format!(
                "expected the Pod to begin, found that the cluster has ended it before: {words}; try again, or ask who runs the cluster"
            );
            Progress::Hopeless(RuntimeErrorKind::Engine, message)
        }
        Life::Pending => waits(pod),
    }
}

/// The scheduler's words, or the kubelet's.
fn waits(pod: &Pod) -> Progress {
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let unscheduled = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let words = quoted(condition.message.as_deref().unwrap_or_default());
        let message = format!(
            "expected a node for the Pod, found none: {words}; make room, or correct the node selector, the tolerations or the resources"
        );
        return Progress::Waits(RuntimeErrorKind::OutOfResources, message);
    }
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let waiting = containers
        .into_iter()
        .flatten()
        .find_map(|container| container.state.as_ref()?.waiting.as_ref());
    let words = waiting.map(|waiting| {
        let words = [waiting.reason.as_deref(), waiting.message.as_deref()];
        words.into_iter().flatten().collect::<Vec<_>>().join(": ")
    });
    let words = quoted(&words.unwrap_or_else(|| "no node has taken it up".to_owned()));
    let message = format!(
        "expected the Pod to begin, found that it still waits: {words}; look at its events, or raise `kubernetes.start_timeout`"
    );
    Progress::Waits(RuntimeErrorKind::Engine, message)
}

/// Whether a container will never do what it is there for.
fn verdict(container: &ContainerStatus) -> Option<Progress> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting
        && let Some(reason) = &waiting.reason
        && IMAGE.contains(&reason.as_str())
    {
        let words = quoted(waiting.message.as_deref().unwrap_or_default());
        let message = format!(
            "expected the image {}, found that it cannot be had: {reason}: {words}; correct its name, or give its registry's login in `kubernetes.image_pull_secrets`",
            container.image
        );
        return Some(Progress::Hopeless(RuntimeErrorKind::Image, message));
    }
    let ended = state.terminated.as_ref()?;
    let reason = ended.reason.as_deref()?;
    NOT_EXECUTED.contains(&reason).then(|| not_executed(ended))
}

fn not_executed(ended: &ContainerStateTerminated) -> Progress {
    let kind = match ended.exit_code {
        126 => RuntimeErrorKind::NotExecutable,
        127 => RuntimeErrorKind::CommandNotFound,
        _ => RuntimeErrorKind::Engine,
    };
    let words = quoted(ended.message.as_deref().unwrap_or_default());
    let message = format!(
        "expected the command to be executed, found that it cannot be: {words}; correct it, or use another image"
    );
    Progress::Hopeless(kind, message)
}

/// Whether the links could not be made.
fn linked(container: &ContainerStatus) -> Option<Progress> {
    let ended = container.state.as_ref()?.terminated.as_ref()?;
    if container.name != LINKER || ended.exit_code == 0 {
        return None;
    }
    let words = quoted(ended.message.as_deref().unwrap_or_default());
    Some(if ended.exit_code == OBSTRUCTED {
        let message = format!(
            "expected the file {words} of a plugin to have its place in the home, found a directory of the workspace there: remove it"
        );
        Progress::Hopeless(RuntimeErrorKind::Obstructed, message)
    } else {
        let message = format!(
            "expected `/bin/sh`, `mkdir` and `ln` in the image, for the files of plugins, and a home that its user may write, found exit code {}: {words}; \
             use another image or user",
            ended.exit_code
        );
        Progress::Hopeless(RuntimeErrorKind::Engine, message)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn progress(status: &Value) -> Progress {
        of(&serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap())
    }

    fn with(state: &Value) -> Value {
        json!([{"name": "workspace", "image": "agent:1", "imageID": "", "ready": false, "restartCount": 0, "state": state}])
    }

    fn kind(status: &Value) -> RuntimeErrorKind {
        match progress(status) {
            Progress::Hopeless(kind, _) | Progress::Waits(kind, _) => kind,
            Progress::Begun => panic!("it has not begun"),
        }
    }

    #[test]
    fn an_image_that_cannot_be_had_is_named() {
        let state = json!({"waiting": {"reason": "ErrImagePull", "message": "no route"}});
        let Progress::Hopeless(RuntimeErrorKind::Image, text) =
            progress(&json!({"phase": "Pending", "containerStatuses": with(&state)}))
        else {
            panic!("expected an image error");
        };
        assert!(
            text.contains("agent:1") && text.contains("no route"),
            "{text}"
        );
    }

    #[test]
    fn a_command_that_was_not_executed_is_told_from_one_that_failed() {
        let ended = |reason: &str, code: i32| {
            let state = json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": "2026-11-23T10:00:00Z"}});
            json!({"phase": "Failed", "containerStatuses": with(&state)})
        };
        assert_eq!(
            kind(&ended("ContainerCannotRun", 127)),
            RuntimeErrorKind::CommandNotFound
        );
        assert_eq!(
            kind(&ended("ContainerCannotRun", 126)),
            RuntimeErrorKind::NotExecutable
        );
        assert_eq!(kind(&ended("StartError", 128)), RuntimeErrorKind::Engine);
        assert_eq!(progress(&ended("Error", 127)), Progress::Begun);
    }

    #[test]
    fn the_scheduler_is_quoted_and_an_evicted_pod_is_hopeless() {
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"});
        assert_eq!(
            kind(&json!({"phase": "Pending", "conditions": [condition]})),
            RuntimeErrorKind::OutOfResources
        );
        let evicted = progress(&json!({"phase": "Failed", "reason": "Evicted"}));
        assert!(
            matches!(evicted, Progress::Hopeless(RuntimeErrorKind::Engine, text) if text.contains("Evicted"))
        );
    }
}
