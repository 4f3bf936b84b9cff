//! What a Pod's status is for the platform.

use k8s_openapi::{
    api::core::v1::{ContainerState, ContainerStateTerminated, Pod},
    jiff::Timestamp,
};
use provisionhook_host::runtime::{Exit, Exited, RuntimeState};

use crate::{names, pod::CONTAINER};

/// How long after its deadline a Pod that is being deleted is taken for lost with its node, in milliseconds.
const LOST: i64 = 60_000;

/// A Pod, between its creation and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Its command has not begun.
    Pending,
    /// Its command runs, since this time in milliseconds.
    Running(i64),
    /// It has ended.
    Ended(Exited),
}

/// What `pod` has come to by now.
pub(crate) fn of(pod: &Pod) -> Life {
    at(pod, Timestamp::now().as_millisecond())
}

fn at(pod: &Pod, now: i64) -> Life {
    let state = command(pod);
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return Life::Ended(exited(ended));
    }
    if is_over(pod, state, now) {
        return Life::Ended(Exited::UNSEEN);
    }
    match state.and_then(|state| state.running.as_ref()) {
        Some(running) => Life::Running(
            running
                .started_at
                .as_ref()
                .map_or(0, |time| time.0.as_millisecond()),
        ),
        None => Life::Pending,
    }
}

/// Whether a Pod has ended without anybody having seen how: evicted, lost with its node, or told to stop on a node that does not report
/// the end of its command.
fn is_over(pod: &Pod, state: Option<&ContainerState>, now: i64) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let runs = state.is_some_and(|state| state.running.is_some());
    match phase {
        // The phase may be ahead of the command, which still has its grace.
        Some("Failed" | "Succeeded") => !runs || ends_by(pod).is_none_or(|time| now > time),
        _ => deleted_at(pod).is_some_and(|time| now > time + LOST),
    }
}

/// When something must be looked at again although nothing was heard of it, in milliseconds since the Unix epoch.
pub(crate) fn look_again_at(pod: &Pod) -> Option<i64> {
    let lost = deleted_at(pod).map(|time| time + LOST);
    [ends_by(pod), lost].into_iter().flatten().min()
}

fn ends_by(pod: &Pod) -> Option<i64> {
    let annotations = pod.metadata.annotations.as_ref()?;
    annotations.get(names::ENDS_BY)?.parse().ok()
}

fn deleted_at(pod: &Pod) -> Option<i64> {
    let time = pod.metadata.deletion_timestamp.as_ref()?;
    Some(time.0.as_millisecond())
}

/// The state of the command's container.
fn command(pod: &Pod) -> Option<&ContainerState> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let command = statuses.iter().find(|status| status.name == CONTAINER);
    command?.state.as_ref()
}

fn exited(ended: &ContainerStateTerminated) -> Exited {
    Exited {
        exit: ended
            .signal
            .filter(|signal| *signal > 0)
            .map_or(Exit::Code(ended.exit_code), Exit::Signal),
        at: ended
            .finished_at
            .as_ref()
            .map(|time| time.0.as_millisecond()),
        out_of_memory: ended.reason.as_deref() == Some("OOMKilled"),
    }
}

/// The same, for whoever asks the runtime. A Pod that will begin by itself runs already.
pub(crate) fn runtime_state(pod: &Pod) -> RuntimeState {
    let running = |started_at| RuntimeState::Running {
        pid: None,
        paused: false,
        started_at,
    };
    match of(pod) {
        Life::Pending => running(created_at(pod)),
        Life::Running(started_at) => running(started_at),
        Life::Ended(exited) => RuntimeState::Exited(exited),
    }
}

fn created_at(pod: &Pod) -> i64 {
    let time = pod.metadata.creation_timestamp.as_ref();
    time.map_or(0, |time| time.0.as_millisecond())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_795_428_000_000;

    fn life(phase: &str, state: &Value, metadata: &Value) -> Life {
        let pod = json!({
            "metadata": metadata,
            "status": {"phase": phase, "containerStatuses": [{
                "name": "workspace", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state,
            }]},
        });
        at(&serde_json::from_value(pod).unwrap(), NOW)
    }

    #[test]
    fn an_end_has_its_code_and_its_time() {
        let state = json!({"terminated": {"exitCode": 3, "finishedAt": "2026-11-23T10:00:00Z", "reason": "OOMKilled"}});
        let ended = Exited {
            exit: Exit::Code(3),
            at: Some(NOW),
            out_of_memory: true,
        };
        assert_eq!(life("Running", &state, &json!({})), Life::Ended(ended));
    }

    #[test]
    fn a_pod_whose_command_has_not_begun_is_pending() {
        let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
        assert_eq!(life("Pending", &waiting, &json!({})), Life::Pending);
    }

    #[test]
    fn an_evicted_pod_has_ended_unseen() {
        let waiting = json!({"waiting": {}});
        assert_eq!(
            life("Failed", &waiting, &json!({})),
            Life::Ended(Exited::UNSEEN)
        );
    }

    #[test]
    fn a_command_that_was_told_to_stop_runs_until_its_grace_is_over() {
        let running = json!({"running": {"startedAt": "2026-11-23T09:00:00Z"}});
        let by = |time: i64| json!({"annotations": {names::ENDS_BY: time.to_string()}});
        let runs = Life::Running(NOW - 3_600_000);
        assert_eq!(life("Failed", &running, &by(NOW + 1)), runs);
        assert_eq!(
            life("Failed", &running, &by(NOW - 1)),
            Life::Ended(Exited::UNSEEN)
        );
    }

    #[test]
    fn a_pod_that_its_node_does_not_give_back_is_lost() {
        let running = json!({"running": {"startedAt": "2026-11-23T09:00:00Z"}});
        let deleted = |time: &str| json!({"deletionTimestamp": time});
        assert!(matches!(
            life("Running", &running, &deleted("2026-11-23T09:59:30Z")),
            Life::Running(_)
        ));
        assert_eq!(
            life("Running", &running, &deleted("2026-11-23T09:58:59Z")),
            Life::Ended(Exited::UNSEEN)
        );
    }
}
