//! What a workspace gets from the platform: what it was given, and nothing else.

use std::io;

use provisionhook_host::runtime::{Exit, Runtime, WORKSPACE_ID_KEY};
use provisionhook_host::workspace_id::WorkspaceId;

use crate::{Bench, PATH, spec};

#[tokio::test]
async fn the_environment_is_exactly_what_was_given() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    let spec = spec(
        &id,
        &["/usr/bin/env", "-0"],
        &[("B", "two\nlines = ü"), ("A", ""), ("B C", "odd key")],
    );
    bench.runtime.start(&spec).await.unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(0));

    let log = bench.log(&id).await;
    let mut found: Vec<_> = log.split_terminator('\0').collect();
    found.sort_unstable();
    let marker = format!("{WORKSPACE_ID_KEY}={id}");
    assert_eq!(
        found,
        ["A=", "B C=odd key", "B=two\nlines = ü", marker.as_str()]
    );
}

#[tokio::test]
async fn a_large_environment_arrives_whole() {
    let bench = Bench::new();
    let id = WorkspaceId::generate().unwrap();
    let value = "v".repeat(100_000);
    let keys: Vec<_> = (0..15).map(|i| format!("K{i}")).collect();
    let env: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), value.as_str()))
        .chain([PATH])
        .collect();
    bench
        .start(&id, &["sh", "-c", "env | grep -c ^K"], &env)
        .await
        .unwrap();
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    assert_eq!(bench.log(&id).await, "15\n");
}

#[tokio::test]
async fn no_open_file_is_inherited() {
    let bench = Bench::new();
    // A pipe without close-on-exec, such as a plugin in C may leave open.
    let (reader, writer) = io::pipe().unwrap();
    for end in [&reader as &dyn std::os::fd::AsFd, &writer] {
        rustix::io::fcntl_setfd(end.as_fd(), rustix::io::FdFlags::empty()).unwrap();
    }
    let id = bench
        .sh("ls /proc/self/fd | tr '\\n' ' '; ls -l /proc/$PPID/fd; sleep 1000")
        .await;
    bench.says(&id, "total").await;
    // The fourth is the listing itself.
    let log = bench.log(&id).await;
    assert!(log.starts_with("0 1 2 3 "), "{log}");
    let supervisor = format!("/proc/{}/fd", bench.supervisor_pid(&id));
    let held: Vec<_> = std::fs::read_dir(supervisor).unwrap().flatten().collect();
    let pipe = std::fs::read_link(format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&reader)
    ))
    .unwrap();
    let held: Vec<_> = held
        .iter()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .collect();
    assert!(
        !held.contains(&pipe),
        "the supervisor holds the pipe: {held:?}"
    );
    bench
        .runtime
        .stop(&id, std::time::Duration::ZERO)
        .await
        .unwrap();
}

#[tokio::test]
async fn it_runs_in_its_own_directory_session_and_group_without_input() {
    let bench = Bench::new();
    let id = bench.sh("pwd; cat; ps -o sid=,pgid=,pid= -p $$").await;
    assert_eq!(bench.exit(&id).await, Exit::Code(0));
    let log = bench.log(&id).await;
    let mut lines = log.lines();
    assert_eq!(
        lines.next().unwrap(),
        bench.work(&id).canonicalize().unwrap().to_str().unwrap()
    );
    let ids: Vec<i32> = lines
        .next()
        .unwrap()
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    let [session, group, pid] = ids.try_into().unwrap();
    assert_eq!(session, bench.supervisor_pid(&id));
    assert_eq!(group, pid);
}
