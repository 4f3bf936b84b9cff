//! How a workspace begins, and how it is found again.

use provisionhook_host::runtime::{RuntimeErrorKind, RuntimeState, WORKSPACE_ID_KEY};

use crate::{Subject, World};

/// Nothing is inherited from the platform, and nothing is added but the workspace's id and what the subject owns up to.
pub async fn the_environment_is_exactly_what_was_said<S: Subject>(world: &World<S>) {
    let spec = world.command("exact", &["env"]);
    world.runtime.start(&spec).await.unwrap();
    assert_eq!(world.exit_code(spec.id()).await, 0);
    let expected = spec
        .env()
        .iter()
        .map(|(key, value)| format!("{key}={}", **value));
    let mut expected: Vec<String> = expected.flat_map(lines).collect();
    let adds = world.subject.adds();
    let is_added = |line: &String| {
        adds.iter()
            .any(|name| line.starts_with(&format!("{name}=")))
    };
    let mut found = lines(world.logs(spec.id()).await);
    let all = found.len();
    found.retain(|line| !is_added(line));
    assert_eq!(
        all - found.len(),
        adds.len(),
        "it says that it adds more than it does"
    );
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert!(found.contains(&format!("{WORKSPACE_ID_KEY}={}", spec.id())));
}

fn lines(text: String) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// However often it is said, and by whom.
pub async fn a_start_that_is_repeated_starts_nothing<S: Subject>(world: &World<S>) {
    let spec = world.spec("twice", "echo begun; sleep 600");
    world.runtime.start(&spec).await.unwrap();
    world.says(spec.id(), "begun").await;
    world.runtime.start(&spec).await.unwrap();
    world.subject.restarted().start(&spec).await.unwrap();
    world
        .runtime
        .stop(spec.id(), std::time::Duration::ZERO)
        .await
        .unwrap();
    world.runtime.start(&spec).await.unwrap();
    assert_eq!(world.logs(spec.id()).await, "begun\n");
}

/// The error says that it is the command, and the id is free again.
pub async fn a_command_that_is_not_there_leaves_nothing_behind<S: Subject>(world: &World<S>) {
    for command in ["/no/such/command", "/bin/busybox/under-a-file"] {
        let spec = world.command("missing", &[command]);
        let error = world.runtime.start(&spec).await.unwrap_err();
        assert_eq!(error.kind(), RuntimeErrorKind::CommandNotFound, "{error}");
        let state = world.runtime.state(spec.id()).await.unwrap();
        assert_eq!(state, RuntimeState::Absent);
    }
    let id = world.start("missing", "exit 0").await;
    assert_eq!(world.exit_code(&id).await, 0);
}

/// Those that run and those that have ended, by id.
pub async fn what_is_ours_is_listed<S: Subject>(world: &World<S>) {
    assert_eq!(world.runtime.list().await.unwrap(), []);
    let ended = world.start("a-ended", "exit 3").await;
    world.ends(&ended).await;
    let runs = world.start("b-runs", "sleep 600").await;
    let listed = world.runtime.list().await.unwrap();
    let ids: Vec<_> = listed.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids, [ended, runs]);
    assert!(matches!(listed[0].1, RuntimeState::Exited(_)), "{listed:?}");
    assert!(
        matches!(listed[1].1, RuntimeState::Running { .. }),
        "{listed:?}"
    );
}

/// Output and error output on one timeline, and the last bytes of it.
pub async fn output_is_kept_in_the_order_of_writing<S: Subject>(world: &World<S>) {
    let script = "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three";
    let id = world.start("output", script).await;
    world.ends(&id).await;
    assert_eq!(world.logs(&id).await, "one\ntwo\nthree\n");
    let tail = world.runtime.logs(&id, Some(8)).await.unwrap();
    assert_eq!(tail, b"o\nthree\n");
}

/// It sees what runs, hears its end, and knows what ended while nobody was there.
pub async fn a_platform_that_was_restarted_finds_its_workspaces<S: Subject>(world: &World<S>) {
    let runs = world
        .start(
            "a-runs",
            "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done",
        )
        .await;
    let ended = world.start("b-ended", "exit 4").await;
    world.says(&runs, "up").await;
    world.ends(&ended).await;
    let restarted = world.subject.restarted();
    let states = restarted.list().await.unwrap();
    assert!(
        matches!(states[0].1, RuntimeState::Running { .. }),
        "{states:?}"
    );
    assert!(matches!(states[1].1, RuntimeState::Exited(_)), "{states:?}");
    restarted
        .stop(&runs, std::time::Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(world.exit_code(&runs).await, 5);
    let found = restarted.wait(&ended).await.unwrap();
    assert_eq!(found.exit, provisionhook_host::runtime::Exit::Code(4));
}
