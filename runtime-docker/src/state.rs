//! What a container's state is for the platform.

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum as Status,
};
use provisionhook_host::{
    runtime::{Exit, Exited, RuntimeError, RuntimeState},
    workspace_id::WorkspaceId,
};

use crate::engine::{Engine, Found};

impl Engine {
    /// The state of a workspace.
    pub(crate) async fn state(&self, id: &WorkspaceId) -> Result<RuntimeState, RuntimeError> {
        Ok(match self.find(id).await? {
            Found::Ours(container) => of(&container),
            Found::Nothing | Found::Created | Found::Stranger => RuntimeState::Absent,
        })
    }
}

/// The state of a container that has been started.
fn of(container: &ContainerInspectResponse) -> RuntimeState {
    let Some(state) = &container.state else {
        return RuntimeState::Exited(Exited::UNSEEN);
    };
    if runs(state) {
        return RuntimeState::Running {
            pid: state
                .pid
                .and_then(|pid| i32::try_from(pid).ok())
                .filter(|pid| *pid > 0),
            started_at: state.started_at.as_deref().and_then(unix_ms).unwrap_or(0),
            paused: state.paused == Some(true),
        };
    }
    RuntimeState::Exited(Exited {
        exit: exit(state),
        at: state.finished_at.as_deref().and_then(unix_ms),
        out_of_memory: state.oom_killed == Some(true),
    })
}

/// Whether its command runs. Docker says so by what is true of it; of one that is being stopped Podman says by its status alone that it
/// has not ended, and its exit code is 0 until it has.
fn runs(state: &ContainerState) -> bool {
    let is = [state.running, state.restarting, state.paused].contains(&Some(true));
    let alive = [
        Status::RUNNING,
        Status::PAUSED,
        Status::RESTARTING,
        Status::STOPPING,
    ];
    is || state.status.is_some_and(|status| alive.contains(&status))
}

/// The daemon tells a signal as the exit code of a shell would.
fn exit(state: &ContainerState) -> Exit {
    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
    code.map_or(Exit::Unknown, Exit::Code)
}

/// RFC 3339; a year before 1970 means that it never happened.
fn unix_ms(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(time.as_millisecond()).filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(state: ContainerState) -> RuntimeState {
        of(&ContainerInspectResponse {
            state: Some(state),
            ..ContainerInspectResponse::default()
        })
    }

    #[test]
    fn a_container_that_restarts_or_is_paused_or_is_being_stopped_is_running() {
        let running = ContainerState {
            running: Some(true),
            ..ContainerState::default()
        };
        let restarting = ContainerState {
            restarting: Some(true),
            ..ContainerState::default()
        };
        // Docker has it running too, Podman has not.
        let is_paused = ContainerState {
            paused: Some(true),
            ..ContainerState::default()
        };
        // What Podman says in the grace of a stop.
        let stopping = ContainerState {
            running: Some(false),
            exit_code: Some(0),
            status: Some(Status::STOPPING),
            ..ContainerState::default()
        };
        for (container, expected) in [
            (running, false),
            (restarting, false),
            (is_paused, true),
            (stopping, false),
        ] {
            let state = state(container);
            assert!(
                matches!(state, RuntimeState::Running { paused, .. } if paused == expected),
                "{state:?}"
            );
        }
    }

    #[test]
    fn an_end_has_its_code_and_its_time() {
        let ended = ContainerState {
            exit_code: Some(3),
            finished_at: Some("2026-11-23T10:00:00.5Z".into()),
            oom_killed: Some(true),
            ..ContainerState::default()
        };
        let exited = Exited {
            exit: Exit::Code(3),
            at: Some(1_795_428_000_500),
            out_of_memory: true,
        };
        assert_eq!(state(ended), RuntimeState::Exited(exited));
        assert_eq!(unix_ms("0001-01-01T00:00:00Z"), None);
    }
}
