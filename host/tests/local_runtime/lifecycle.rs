//! From start to exit: states, logs, and runs that follow one another.

use std::fs;
use std::time::Duration;

use provisionhook_host::runtime::{Exit, LocalRuntime, Runtime, RuntimeErrorKind, RuntimeState};
use provisionhook_host::workspace_id::WorkspaceId;

use crate::{Bench, PATH, example, spec};

#[tokio::test]
async fn exit_codes_and_signals_are_kept() {
    let bench = Bench::new();
    for (script, exit) in [
        ("true", Exit::Code(0)),
        ("exit 42", Exit::Code(42)),
        ("kill -KILL $$", Exit::Signal(9)),
        ("kill -SEGV $$", Exit::Signal(11)),
    ] {
        let id = bench.sh(script).await;
        assert_eq!(bench.exit(&id).await, exit, "{script}");
        let RuntimeState::Exited(exited) = bench.runtime.state(&id).await.unwrap() else {
            panic!("it has ended")
        };
        assert!(
            exited.at.unwrap() > 1_700_000_000_000,
            "in milliseconds: {exited:?}"
        );
    }
}

#[tokio::test]
async fn the_log_can_be_read_while_it_is_written() {
    let bench = Bench::new();
    let id = bench.sh("echo out; echo err >&2; sleep 1000").await;
    bench.says(&id, "out\nerr\n").await;
    assert_eq!(bench.runtime.logs(&id, Some(4)).await.unwrap(), b"err\n");
    assert_eq!(bench.runtime.logs(&id, Some(0)).await.unwrap(), b"");
    bench
        .runtime
        .stop(&id, Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(bench.log(&id).await, "out\nerr\n");
}

#[tokio::test]
async fn a_log_is_bounded_and_its_end_is_kept() {
    let bench = Bench::new();
    let root = bench.root.path().join("bounded");
    let runtime = LocalRuntime::new(&root, vec![example("supervisor").into()])
        .unwrap()
        .with_max_log_bytes(100_000);
    let id = WorkspaceId::generate().unwrap();
    let command = ["sh", "-c", "yes 0123456789 | head -c 5000000; echo the end"];
    runtime.start(&spec(&id, &command, &[PATH])).await.unwrap();
    assert_eq!(runtime.wait(&id).await.unwrap().exit, Exit::Code(0));
    let log = runtime.logs(&id, None).await.unwrap();
    assert!(log.len() <= 200_000, "{}", log.len());
    assert!(log.ends_with(b"the end\n"));
}

#[tokio::test]
async fn starting_twice_starts_once() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    let spec = spec(&id, &["sh", "-c", "echo run; sleep 1000"], &[PATH]);
    let (one, two) = tokio::join!(bench.runtime.start(&spec), bench.runtime.start(&spec));
    one.unwrap();
    two.unwrap();
    let pid = bench.running_pid(&id).await;
    bench.runtime.start(&spec).await.unwrap();
    assert_eq!(bench.running_pid(&id).await, pid);
    bench
        .runtime
        .stop(&id, Duration::from_secs(5))
        .await
        .unwrap();
    bench.runtime.start(&spec).await.unwrap();
    assert_eq!(
        bench.exit(&id).await,
        Exit::Signal(15),
        "an ended workspace does not start by itself"
    );
    assert_eq!(bench.log(&id).await, "run\n");
}

#[tokio::test]
async fn a_cleared_workspace_runs_again_with_its_files_and_its_log() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    let spec = spec(&id, &["sh", "-c", "echo x >> kept; wc -l < kept"], &[PATH]);
    for _ in 0..2 {
        bench.runtime.start(&spec).await.unwrap();
        assert_eq!(bench.exit(&id).await, Exit::Code(0));
        bench.runtime.clear(&id).await.unwrap();
        assert_eq!(
            bench.runtime.state(&id).await.unwrap(),
            RuntimeState::Absent
        );
    }
    assert_eq!(bench.log(&id).await, "1\n2\n");
}

#[tokio::test]
async fn a_removed_workspace_leaves_nothing_and_a_running_one_is_not_removed() {
    let bench = Bench::new();
    let id = bench.sh("sleep 1000").await;
    for refused in [
        bench.runtime.remove(&id).await,
        bench.runtime.clear(&id).await,
    ] {
        assert_eq!(refused.unwrap_err().kind(), RuntimeErrorKind::StillRunning);
    }
    assert_eq!(bench.runtime.list().await.unwrap().len(), 1);
    bench
        .runtime
        .stop(&id, Duration::from_secs(5))
        .await
        .unwrap();
    bench.runtime.remove(&id).await.unwrap();
    bench.runtime.remove(&id).await.unwrap();
    assert_eq!(bench.runtime.list().await.unwrap(), []);
    assert_eq!(fs::read_dir(bench.root.path()).unwrap().count(), 0);
    assert_eq!(
        bench.runtime.wait(&id).await.unwrap_err().kind(),
        RuntimeErrorKind::NotFound
    );
    assert_eq!(
        bench.runtime.logs(&id, None).await.unwrap_err().kind(),
        RuntimeErrorKind::NotFound
    );
    bench.runtime.stop(&id, Duration::ZERO).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_start_at_once() {
    let bench = Bench::new();
    let ids: Vec<WorkspaceId> = (0..100)
        .map(|i| format!("many-{i}").parse().unwrap())
        .collect();
    let specs: Vec<_> = ids
        .iter()
        .map(|id| spec(id, &["sh", "-c", "echo $$"], &[PATH]))
        .collect();
    let starts = specs.iter().map(|spec| bench.runtime.start(spec));
    for started in futures(starts).await {
        started.unwrap();
    }
    for id in &ids {
        assert_eq!(bench.exit(id).await, Exit::Code(0));
    }
}

/// Runs all of them at the same time.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = all.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        pending.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(outcome) => {
                done.push(outcome);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}
