//! A workspace that stands still, and goes on.

use std::time::{Duration, Instant};

use provisionhook_host::{
    runtime::{Exit, RuntimeErrorKind, RuntimeState},
    workspace_id::WorkspaceId,
};

use crate::{
    Subject, World,
    world::{PATIENCE, file},
};

/// Two processes that write, each a line after the other.
const BUSY: &str =
    "count() { i=0; while :; do i=$((i+1)); echo $1$i; sleep 0.02; done; }; count a & count b";

/// The whole tree of it, and it is the same one that goes on.
pub async fn a_paused_workspace_stands_still_and_then_goes_on<S: Subject>(world: &World<S>) {
    let id = world.start("busy", BUSY).await;
    world.start("witness", BUSY).await;
    world.says(&id, "b3\n").await;
    world.runtime.pause(&id).await.unwrap();
    assert!(is_paused(world, &id).await);
    let before = written_when_still(world, &id).await;
    world.runtime.resume(&id).await.unwrap();
    assert!(!is_paused(world, &id).await);
    for who in ['a', 'b'] {
        let last = before
            .lines()
            .filter_map(|line| line.strip_prefix(who))
            .next_back();
        let next: u64 = last.unwrap().parse().unwrap();
        world.says(&id, &format!("\n{who}{}\n", next + 3)).await;
    }
    let after = world.logs(&id).await;
    assert!(after.starts_with(&before), "{after}");
    let starts = after.lines().filter(|line| *line == "a1").count();
    assert_eq!(starts, 1, "it began anew");
}

/// In both directions, and however often.
pub async fn pausing_again_and_resuming_what_runs_do_nothing<S: Subject>(world: &World<S>) {
    let id = world.start("busy", BUSY).await;
    world.start("witness", BUSY).await;
    world.runtime.resume(&id).await.unwrap();
    assert!(!is_paused(world, &id).await);
    world.says(&id, "b2\n").await;
    world.runtime.pause(&id).await.unwrap();
    world.runtime.pause(&id).await.unwrap();
    let before = written_when_still(world, &id).await;
    world.runtime.resume(&id).await.unwrap();
    world.runtime.resume(&id).await.unwrap();
    grows(world, &id, before.len()).await;
}

/// It goes on for that, within its grace.
pub async fn a_stop_of_a_paused_workspace_lets_it_tidy_up<S: Subject>(world: &World<S>) {
    let script = "trap 'echo tidy; exit 3' TERM; echo up; while :; do sleep 0.1; done";
    let id = world.start("tidy", script).await;
    world.says(&id, "up").await;
    world.runtime.pause(&id).await.unwrap();
    world
        .runtime
        .stop(&id, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(world.exit_code(&id).await, 3);
    assert!(world.logs(&id).await.ends_with("tidy\n"));
    // What is left of the pause does not hold the next run.
    world.runtime.clear(&id).await.unwrap();
    world.start("tidy", "echo anew").await;
    assert_eq!(world.exit_code(&id).await, 0);
}

/// When its grace is over, and at once if there is none.
pub async fn a_paused_workspace_that_ignores_term_is_killed<S: Subject>(world: &World<S>) {
    for (name, grace) in [("deaf", Duration::from_secs(1)), ("killed", Duration::ZERO)] {
        let id = world
            .start(name, "trap '' TERM; echo up; while :; do sleep 1; done")
            .await;
        world.says(&id, "up").await;
        world.runtime.pause(&id).await.unwrap();
        world.runtime.stop(&id, grace).await.unwrap();
        let ended = world.ends(&id).await;
        let killed = [Exit::Signal(9), Exit::Code(137)];
        assert!(killed.contains(&ended.exit), "{ended:?}");
    }
}

/// It is listed, and can be resumed.
pub async fn a_platform_that_was_restarted_finds_it_paused<S: Subject>(world: &World<S>) {
    let id = world.start("busy", BUSY).await;
    world.start("witness", BUSY).await;
    world.says(&id, "b2\n").await;
    world.runtime.pause(&id).await.unwrap();
    let restarted = world.subject.restarted();
    let listed = restarted.list().await.unwrap();
    let paused = listed
        .into_iter()
        .filter(|(_, state)| matches!(state, RuntimeState::Running { paused: true, .. }));
    assert!(paused.map(|(id, _)| id).eq([id.clone()]));
    let before = written_when_still(world, &id).await;
    restarted.resume(&id).await.unwrap();
    let state = restarted.state(&id).await.unwrap();
    assert!(
        matches!(state, RuntimeState::Running { paused: false, .. }),
        "{state:?}"
    );
    grows(world, &id, before.len()).await;
    restarted.stop(&id, Duration::ZERO).await.unwrap();
}

/// Nor resumed: the error says that it has to run. Nor is one that is paused cleared or removed.
pub async fn what_does_not_run_cannot_be_paused<S: Subject>(world: &World<S>) {
    let id = world.start("ended", "exit 4").await;
    world.ends(&id).await;
    for refused in [
        world.runtime.pause(&id).await,
        world.runtime.resume(&id).await,
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), RuntimeErrorKind::NotRunning, "{error}");
    }
    assert_eq!(world.exit_code(&id).await, 4);
    let never = world.subject.id("never");
    assert!(world.runtime.pause(&never).await.is_err());
    let id = world.start("paused", "sleep 600").await;
    world.runtime.pause(&id).await.unwrap();
    for refused in [
        world.runtime.remove(&id).await,
        world.runtime.clear(&id).await,
    ] {
        assert_eq!(refused.unwrap_err().kind(), RuntimeErrorKind::StillRunning);
    }
    assert!(is_paused(world, &id).await);
    world.runtime.stop(&id, Duration::ZERO).await.unwrap();
}

/// It finds them when it goes on.
pub async fn files_are_put_into_a_paused_workspace<S: Subject>(world: &World<S>) {
    let script = "echo up; while [ \"$(cat key)\" = old ]; do sleep 0.05; done; cat key";
    let files = |text: &str| vec![file("key", 0o600, true, text)];
    let spec = world.spec("files", script).with_files(files("old"));
    world.runtime.start(&spec).await.unwrap();
    let id = spec.id();
    world.says(id, "up").await;
    world.runtime.pause(id).await.unwrap();
    let put = world.runtime.put_files(id, files("new").into()).await;
    assert_eq!(put.unwrap().len(), 1);
    assert!(is_paused(world, id).await);
    world.runtime.resume(id).await.unwrap();
    assert_eq!(world.exit_code(id).await, 0);
    assert_eq!(world.logs(id).await, "up\nnew");
}

/// And the workspace goes on as if nothing had been said.
pub async fn a_runtime_that_cannot_pause_says_so<S: Subject>(world: &World<S>) {
    let id = world.start("busy", BUSY).await;
    for refused in [
        world.runtime.pause(&id).await,
        world.runtime.resume(&id).await,
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), RuntimeErrorKind::Unsupported, "{error}");
    }
    assert!(!is_paused(world, &id).await);
    let written = world.logs(&id).await.len();
    grows(world, &id, written).await;
}

async fn is_paused<S: Subject>(world: &World<S>, id: &WorkspaceId) -> bool {
    match world.runtime.state(id).await.unwrap() {
        RuntimeState::Running { paused, .. } => paused,
        other @ (RuntimeState::Absent | RuntimeState::Exited(_)) => panic!("it runs: {other:?}"),
    }
}

/// What it has written when it writes no more, while the witness, which does the same, writes a lot.
async fn written_when_still<S: Subject>(world: &World<S>, id: &WorkspaceId) -> String {
    let witness = world.subject.id("witness");
    let deadline = Instant::now() + PATIENCE;
    let mut before = world.logs(id).await;
    loop {
        let seen = world.logs(&witness).await.len();
        grows(world, &witness, seen + 100).await;
        // What it wrote at last may have been on its way to the log.
        let now = world.logs(id).await;
        if now == before {
            return now;
        }
        assert!(Instant::now() < deadline, "it goes on writing: {now}");
        before = now;
    }
}

async fn grows<S: Subject>(world: &World<S>, id: &WorkspaceId, beyond: usize) {
    let deadline = Instant::now() + PATIENCE;
    while world.logs(id).await.len() <= beyond {
        assert!(Instant::now() < deadline, "it writes nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
