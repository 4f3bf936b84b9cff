//! Platforms that end, and supervisors that are killed.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use provisionhook_host::runtime::{Exit, Exited, Runtime, RuntimeState};

use crate::{Bench, PATH, example, is_alive, kill};

#[tokio::test]
async fn a_living_workspace_is_adopted_and_stopped() {
    let bench = Bench::new();
    let id = bench
        .sh("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done")
        .await;
    bench.says(&id, "ready").await;
    let before = bench.runtime.state(&id).await.unwrap();
    let bench = bench.reopen();
    assert_eq!(bench.runtime.state(&id).await.unwrap(), before);
    bench
        .start(&id, &["sh", "-c", "echo again"], &[PATH])
        .await
        .unwrap();
    assert_eq!(
        bench.runtime.state(&id).await.unwrap(),
        before,
        "it is not started again"
    );
    bench
        .runtime
        .stop(&id, Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(9));
}

/// The platform was killed when it had said what to start, and before the supervisor had done anything.
#[tokio::test]
async fn a_supervisor_that_is_about_to_start_is_waited_for() {
    let bench = Bench::new();
    let directory = bench.root.path().join("ws-about");
    fs::create_dir_all(directory.join("work")).unwrap();
    let mut supervisor = Command::new(example("supervisor"))
        .arg(&directory)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = [0];
    supervisor
        .stdout
        .take()
        .unwrap()
        .read_exact(&mut word)
        .unwrap();
    assert_eq!(word, *b"\n", "it holds the lock");
    let order = r#"{"id": "ws-about", "command": ["sleep", "600"], "env": [["PATH", "/usr/bin:/bin"],
        ["PROVISIONHOOK_WORKSPACE_ID", "ws-about"]], "max_log_bytes": 1000}"#;
    let told = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        let mut order_to = supervisor.stdin.take().unwrap();
        order_to.write_all(order.as_bytes()).unwrap();
        drop(order_to);
        supervisor
    });
    let bench = bench.reopen();
    let id = "ws-about".parse().unwrap();
    let state = bench.runtime.state(&id).await.unwrap();
    assert!(matches!(state, RuntimeState::Running { .. }), "{state:?}");
    bench.runtime.stop(&id, Duration::ZERO).await.unwrap();
    told.join().unwrap().wait().unwrap();
}

#[tokio::test]
async fn an_exit_that_nobody_was_there_for_is_known() {
    let bench = Bench::new();
    let id = bench
        .sh("while [ ! -e go ]; do sleep 0.01; done; exit 4")
        .await;
    let bench = bench.reopen();
    fs::write(bench.work(&id).join("go"), "").unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(4));
    let bench = bench.reopen();
    assert_eq!(bench.exit(&id).await, Exit::Code(4));
    assert_eq!(bench.runtime.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_workspace_outlives_a_platform_that_is_killed() {
    let bench = Bench::new();
    let mut platform = Command::new(example("start_and_hang"))
        .arg(bench.root.path())
        .arg(example("supervisor"))
        .args([
            "ws-orphan",
            "/bin/sh",
            "-c",
            "while [ ! -e go ]; do /bin/sleep 0.01; done; exit 6",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(platform.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "started\n");
    platform.kill().unwrap();
    platform.wait().unwrap();

    let bench = bench.reopen();
    let id = "ws-orphan".parse().unwrap();
    assert!(is_alive(bench.running_pid(&id).await));
    fs::write(bench.work(&id).join("go"), "").unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(6));
}

#[tokio::test]
async fn the_rest_of_a_workspace_whose_supervisor_was_killed_is_found_and_ended() {
    for reopen in [false, true] {
        let mut bench = Bench::new();
        let id = bench
            .sh("trap '' TERM; setsid sleep 1000 & echo ready; while :; do sleep 1000; done")
            .await;
        bench.says(&id, "ready").await;
        let pid = bench.running_pid(&id).await;
        kill(bench.supervisor_pid(&id));
        assert_eq!(bench.runtime.wait(&id).await.unwrap(), Exited::UNSEEN);
        if reopen {
            bench = bench.reopen();
        }
        assert_eq!(
            bench.runtime.state(&id).await.unwrap(),
            RuntimeState::Exited(Exited::UNSEEN)
        );
        assert!(is_alive(pid), "there is something to end");
        bench
            .runtime
            .stop(&id, Duration::from_millis(100))
            .await
            .unwrap();
        assert!(bench.is_empty());
        bench.runtime.remove(&id).await.unwrap();
    }
}

#[tokio::test]
async fn remove_ends_survivors_too() {
    let bench = Bench::new();
    let id = bench.sh("sleep 1000 & sleep 1000").await;
    kill(bench.supervisor_pid(&id));
    assert_eq!(bench.exit(&id).await, Exit::Unknown);
    bench.runtime.remove(&id).await.unwrap();
    assert!(bench.is_empty());
    assert_eq!(
        bench.runtime.state(&id).await.unwrap(),
        RuntimeState::Absent
    );
}

#[tokio::test]
async fn a_process_id_that_belongs_to_another_boot_or_process_is_not_adopted() {
    let bench = Bench::new();
    let id = bench.sh("true").await;
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let dir = bench.root.path().join(id.as_str());
    fs::remove_file(dir.join("exit.json")).unwrap();
    let own = fs::read_to_string("/proc/self/stat").unwrap();
    let start: u64 = own
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(19)
        .unwrap()
        .parse()
        .unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let mut bench = bench;
    for (start, boot) in [(start, "another"), (start + 1, boot.trim())] {
        // This test is a living process, and still not the supervisor.
        let process = serde_json::json!({ "pid": std::process::id(), "start_ticks": start });
        let record = serde_json::json!({ "process": process, "boot_id": boot, "command": null });
        fs::write(dir.join("supervisor.json"), record.to_string()).unwrap();
        bench = bench.reopen();
        assert_eq!(bench.exit(&id).await, Exit::Unknown);
    }
}

#[tokio::test]
async fn a_broken_record_costs_nobody_else_anything() {
    let bench = Bench::new();
    let id = bench.sh("true").await;
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let record = bench.root.path().join(id.as_str()).join("supervisor.json");
    fs::write(&record, "{\"proc").unwrap();
    let bench = bench.reopen();
    let listed = bench.runtime.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
}
