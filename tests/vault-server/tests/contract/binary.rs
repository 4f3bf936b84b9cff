//! The binary, as the drive with hvac uses it.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

fn command(world: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vault-server"));
    command
        .args(["--world", world])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_takes_orders_and_ends_while_its_input_is_open() {
    let world = concat!(env!("CARGO_TARGET_TMPDIR"), "/world.json");
    std::fs::write(world, crate::client::world().to_string()).unwrap();
    let mut child = command(world).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line());
        line.await.unwrap().unwrap().unwrap()
    };
    assert!(next().await.starts_with("http://127.0.0.1:"));
    let orders = [
        ("advance 1h\n", "ok"),
        ("mode sealed\n", "ok"),
        ("fail 500\n", "ok"),
        ("mode open\n", "error: expected the name of a mode"),
        ("dance\n", "error: expected advance LENGTH"),
    ];
    for (order, expected) in orders {
        input.write_all(order.as_bytes()).await.unwrap();
        let answer = next().await;
        assert!(answer.starts_with(expected), "{answer}");
    }
    let pid = child.id().unwrap().try_into().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
    assert!(status.unwrap().unwrap().success());
}

#[tokio::test]
async fn a_world_that_is_not_there_is_explained() {
    let output = command("/nowhere/world.json").output().await.unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && message.contains("cannot read the world"),
        "{message}"
    );
}
