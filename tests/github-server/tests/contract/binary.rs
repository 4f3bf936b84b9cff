//! The binary, as the demo uses it.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

const PUBLIC_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/keys/app.public.pem");

fn command(installation: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_github-server"));
    command
        .args([
            "--listen",
            "127.0.0.1:0",
            "--app-id",
            "1",
            "--client-id",
            "Iv1.0123456789abcdef",
            "--public-key",
            PUBLIC_KEY,
        ])
        .args([
            "--installation",
            installation,
            "--token-lifetime",
            "90s",
            "--stateless-tokens",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_when_told() {
    let mut child = command("42=acme,web").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let address = line
        .strip_prefix("http://")
        .expect("the line is the base URL");
    tokio::net::TcpStream::connect(address).await.unwrap();
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[tokio::test]
async fn only_what_is_installed_can_be_suspended() {
    let output = command("42=acme")
        .args(["--suspended", "7"])
        .output()
        .await
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && message.contains("none with the number 7"),
        "{message}"
    );
}

#[tokio::test]
async fn a_wrong_installation_is_explained() {
    for installation in ["acme", "x=acme", "42="] {
        let output = command(installation).output().await.unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && message.contains("expected ID=OWNER"),
            "{message}"
        );
    }
}
