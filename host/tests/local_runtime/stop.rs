//! Stopping: the whole tree, however it hides.

use std::time::{Duration, Instant};

use provisionhook_host::runtime::{Exit, Runtime};

use crate::{Bench, is_alive, marked, number, state_letter};

/// Long enough that a test which waits for it has failed.
const LONG: Duration = Duration::from_secs(1000);

#[tokio::test]
async fn term_comes_first_and_may_be_answered() {
    let bench = Bench::new();
    let id = bench
        .sh("trap 'echo goodbye; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
        .await;
    bench.says(&id, "ready").await;
    bench.runtime.stop(&id, LONG).await.unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(7));
    assert!(bench.log(&id).await.ends_with("goodbye\n"));
}

#[tokio::test]
async fn what_ignores_term_is_killed_after_the_grace() {
    let bench = Bench::new();
    let id = bench
        .sh("trap '' TERM; echo ready; while :; do sleep 1000; done")
        .await;
    bench.says(&id, "ready").await;
    let begun = Instant::now();
    bench
        .runtime
        .stop(&id, Duration::from_millis(300))
        .await
        .unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "it was given its grace"
    );
    assert_eq!(bench.exit(&id).await, Exit::Signal(9));
    assert!(bench.is_empty());
}

/// A daemon of the old school: forked twice, in a session of its own, deaf to TERM.
const DAEMON: &str = "setsid sh -c \"trap '' TERM HUP; (echo \\$\\$ > daemon; exec sh -c 'while :; do sleep 1000; done') & exit\" & wait; ";

#[tokio::test]
async fn a_daemon_that_left_its_session_is_killed_too() {
    let bench = Bench::new();
    let id = bench
        .sh(&format!(
            "{DAEMON} sleep 1000 & echo $! > sleeper; echo ready; sleep 1000"
        ))
        .await;
    bench.says(&id, "ready").await;
    assert!(
        marked(bench.root.path()).len() >= 4,
        "shell, sleeper, sleep, daemon"
    );
    let sleeper = number(&bench.work(&id).join("sleeper"));
    assert!(is_alive(sleeper));
    bench
        .runtime
        .stop(&id, Duration::from_millis(200))
        .await
        .unwrap();
    assert!(bench.is_empty());
    assert!(!is_alive(sleeper));
}

#[tokio::test]
async fn what_the_command_leaves_behind_ends_with_it() {
    let bench = Bench::new();
    let id = bench.sh(&format!("{DAEMON} cat daemon; exit 3")).await;
    assert_eq!(bench.exit(&id).await, Exit::Code(3));
    assert_ne!(bench.log(&id).await, "", "the daemon was there");
    assert!(bench.is_empty());
}

#[tokio::test]
async fn a_stopped_process_still_gets_its_term() {
    let bench = Bench::new();
    let id = bench
        .sh("trap 'exit 5' TERM; echo ready; kill -STOP $$; while :; do sleep 0.01; done")
        .await;
    bench.says(&id, "ready").await;
    let pid = bench.running_pid(&id).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while state_letter(pid) != Some('T') {
        assert!(Instant::now() < deadline, "it never stopped itself");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.runtime.stop(&id, LONG).await.unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(5));
}

#[tokio::test]
async fn a_second_stop_can_shorten_the_grace() {
    let bench = Bench::new();
    let id = bench
        .sh("trap '' TERM; echo ready; while :; do sleep 1000; done")
        .await;
    bench.says(&id, "ready").await;
    let patient = bench.runtime.stop(&id, LONG);
    let impatient = async {
        tokio::task::yield_now().await;
        bench.runtime.stop(&id, Duration::ZERO).await
    };
    let (one, two) = tokio::time::timeout(Duration::from_secs(20), async {
        tokio::join!(patient, impatient)
    })
    .await
    .unwrap();
    one.unwrap();
    two.unwrap();
    assert_eq!(
        bench.exit(&id).await,
        Exit::Signal(9),
        "the supervisor was there to see it"
    );
}

#[tokio::test]
async fn a_flood_of_output_does_not_hold_up_a_stop() {
    let bench = Bench::new();
    let id = bench.sh("trap '' TERM; yes").await;
    bench.says(&id, "y").await;
    bench
        .runtime
        .stop(&id, Duration::from_millis(100))
        .await
        .unwrap();
    assert!(bench.is_empty());
}

#[tokio::test]
async fn a_tree_that_forks_while_it_is_killed_does_not_get_away() {
    let bench = Bench::new();
    let id = bench
        .sh("trap '' TERM; echo ready; f() { while :; do sleep 0.001 & done; }; f & f & wait")
        .await;
    bench.says(&id, "ready").await;
    bench.runtime.stop(&id, Duration::ZERO).await.unwrap();
    assert!(bench.is_empty());
}
