//! Pausing: the whole tree, whatever it is doing, and only what the platform has stopped goes on.

use std::time::{Duration, Instant};

use provisionhook_host::runtime::{Exit, Runtime, RuntimeState};

use crate::{Bench, confined::isolated, is_alive, kill, marked, number, state_letter};

/// Whether every process of the workspaces below the root is stopped. `D` is the parent of a child that has yet to execute.
fn all_stand_still(bench: &Bench) -> bool {
    let pids = marked(bench.root.path());
    let letters = pids.into_iter().filter_map(state_letter);
    letters
        .filter(|letter| *letter != 'Z')
        .all(|letter| matches!(letter, 'T' | 'D'))
}

#[tokio::test]
async fn a_tree_that_forks_while_it_is_paused_does_not_get_away() {
    let bench = Bench::new();
    let id = bench
        .sh("echo ready; f() { while :; do sleep 0.001 & done; }; f & f & wait")
        .await;
    bench.says(&id, "ready").await;
    for _ in 0..5 {
        bench.runtime.pause(&id).await.unwrap();
        assert!(all_stand_still(&bench));
        let before = marked(bench.root.path());
        assert!(before.len() > 2, "{before:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(marked(bench.root.path()), before, "nothing is born or ends");
        bench.runtime.resume(&id).await.unwrap();
    }
    bench.runtime.pause(&id).await.unwrap();
    bench.runtime.stop(&id, Duration::ZERO).await.unwrap();
    assert!(bench.is_empty());
}

#[tokio::test]
async fn what_had_stopped_itself_stays_stopped_when_the_rest_goes_on() {
    let bench = Bench::new();
    let script = "sleep 1000 & echo $! >sleeper; kill -STOP $!; echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 5";
    let id = bench.sh(script).await;
    bench.says(&id, "ready").await;
    let sleeper = number(&bench.work(&id).join("sleeper"));
    let stopped = || state_letter(sleeper) == Some('T');
    until(stopped).await;
    bench.runtime.pause(&id).await.unwrap();
    bench.runtime.resume(&id).await.unwrap();
    assert!(stopped());
    std::fs::write(bench.work(&id).join("go"), "").unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(5));
}

#[tokio::test]
async fn a_command_that_is_killed_while_paused_ends_the_workspace() {
    ends_while_paused(Bench::new()).await;
}

#[tokio::test]
async fn and_so_it_does_where_an_init_stands_before_it() {
    ends_while_paused(Bench::confined(isolated()).await).await;
}

async fn ends_while_paused(bench: Bench) {
    let id = bench.sh("sleep 1000 & echo ready; sleep 1000").await;
    bench.says(&id, "ready").await;
    bench.runtime.pause(&id).await.unwrap();
    kill(bench.running_pid(&id).await);
    assert_eq!(bench.exit(&id).await, Exit::Signal(9));
    assert!(bench.is_empty());
}

#[tokio::test]
async fn what_is_left_of_a_paused_workspace_whose_supervisor_was_killed_is_ended() {
    let bench = Bench::new();
    // The kernel lets a stopped process group go on whose parent has ended, and tells it to hang up.
    let id = bench.sh("trap '' HUP; echo ready; sleep 1000").await;
    bench.says(&id, "ready").await;
    bench.runtime.pause(&id).await.unwrap();
    let pid = bench.running_pid(&id).await;
    kill(bench.supervisor_pid(&id));
    assert_eq!(bench.exit(&id).await, Exit::Unknown);
    assert!(is_alive(pid));
    bench.runtime.remove(&id).await.unwrap();
    assert!(bench.is_empty());
}

/// The platform died between its order and the knock, or before the answer.
#[tokio::test]
async fn an_order_that_is_left_over_is_withdrawn_by_a_resume() {
    let bench = Bench::new();
    let id = bench.sh("echo ready; sleep 1000").await;
    bench.says(&id, "ready").await;
    let order = bench.root.path().join(id.as_str()).join("pause.json");
    std::fs::write(&order, "{}").unwrap();
    let bench = bench.reopen();
    bench.runtime.resume(&id).await.unwrap();
    assert!(!order.exists());
    let state = bench.runtime.state(&id).await.unwrap();
    assert!(
        matches!(state, RuntimeState::Running { paused: false, .. }),
        "{state:?}"
    );
    bench.runtime.pause(&id).await.unwrap();
    assert!(all_stand_still(&bench));
}

async fn until(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
