//! How a workspace ends, begins anew, and is gone.

use std::time::{Duration, Instant};

use provisionhook_host::runtime::{Exit, RuntimeErrorKind, RuntimeState};

use crate::{Subject, World};

/// With the time at which it ended.
pub async fn an_exit_code_is_kept<S: Subject>(world: &World<S>) {
    let id = world.start("code", "exit 7").await;
    let ended = world.ends(&id).await;
    assert_eq!(ended.exit, Exit::Code(7));
    assert!(
        ended.at.is_some_and(|at| at > 1_700_000_000_000),
        "{ended:?}"
    );
    let state = world.runtime.state(&id).await.unwrap();
    assert_eq!(state, RuntimeState::Exited(ended));
}

/// A process that wants to tidy up first may do so.
pub async fn a_stop_asks_first<S: Subject>(world: &World<S>) {
    let script = "trap 'echo tidy; exit 0' TERM; echo up; while :; do sleep 0.1; done";
    let id = world.start("asked", script).await;
    world.says(&id, "up").await;
    world
        .runtime
        .stop(&id, Duration::from_secs(30))
        .await
        .unwrap();
    assert!(world.logs(&id).await.ends_with("tidy\n"));
    assert_eq!(world.exit_code(&id).await, 0);
    world.runtime.stop(&id, Duration::ZERO).await.unwrap();
}

/// When its grace is over, and not before.
pub async fn a_process_that_ignores_term_is_killed<S: Subject>(world: &World<S>) {
    let id = world
        .start("deaf", "trap '' TERM; echo up; while :; do sleep 1; done")
        .await;
    world.says(&id, "up").await;
    let begun = Instant::now();
    world
        .runtime
        .stop(&id, Duration::from_secs(1))
        .await
        .unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "it was not asked"
    );
    let ended = world.ends(&id).await;
    let killed = [Exit::Signal(9), Exit::Code(137)];
    assert!(killed.contains(&ended.exit), "{ended:?}");
}

/// After a `clear`, and not before.
pub async fn a_workspace_starts_again_with_its_files_and_its_log<S: Subject>(world: &World<S>) {
    let script = "cat kept 2>/dev/null; echo run; echo here >kept";
    let id = world.start("again", script).await;
    world.ends(&id).await;
    world.runtime.clear(&id).await.unwrap();
    assert_eq!(
        world.runtime.state(&id).await.unwrap(),
        RuntimeState::Absent
    );
    world.start("again", script).await;
    assert_eq!(world.exit_code(&id).await, 0);
    assert_eq!(world.logs(&id).await, "run\nhere\nrun\n");
}

/// With its files and its log, so that nothing of it is left for the next one of this id.
pub async fn what_runs_is_not_removed_and_what_is_removed_is_gone<S: Subject>(world: &World<S>) {
    let id = world
        .start("removed", "echo here >kept; echo up; sleep 600")
        .await;
    world.says(&id, "up").await;
    for refused in [
        world.runtime.remove(&id).await,
        world.runtime.clear(&id).await,
    ] {
        assert_eq!(refused.unwrap_err().kind(), RuntimeErrorKind::StillRunning);
    }
    world.runtime.stop(&id, Duration::ZERO).await.unwrap();
    world.runtime.remove(&id).await.unwrap();
    world.runtime.remove(&id).await.unwrap();
    assert_eq!(
        world.runtime.state(&id).await.unwrap(),
        RuntimeState::Absent
    );
    world.start("removed", "ls; echo anew").await;
    world.ends(&id).await;
    assert_eq!(world.logs(&id).await, "anew\n");
}

/// Nor does a stop of it fail.
pub async fn nobody_waits_for_what_never_was<S: Subject>(world: &World<S>) {
    let id = world.subject.id("never");
    let error = world.runtime.wait(&id).await.unwrap_err();
    assert_eq!(error.kind(), RuntimeErrorKind::NotFound);
    world.runtime.stop(&id, Duration::ZERO).await.unwrap();
    world.runtime.remove(&id).await.unwrap();
    assert_eq!(
        world.runtime.state(&id).await.unwrap(),
        RuntimeState::Absent
    );
}
