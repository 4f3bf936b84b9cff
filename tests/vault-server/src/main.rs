//! The server by itself: prints its base URL on one line when it is ready, takes orders on its standard input, and serves until it is told to end.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and a command's errors are for its reader"
)]

use std::error::Error;
use std::io::Write as _;
use std::iter::successors;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use vault_server::{Fault, Mode, StatusCode, Times, VaultServer};

/// Serves the contract of HashiCorp Vault and OpenBao on loopback.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 stands for a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What is in it, as JSON; the README describes the fields
    #[arg(long, value_name = "FILE")]
    world: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run(Arguments::parse()).await else {
        return ExitCode::SUCCESS;
    };
    let causes = successors(error.source(), |cause| (*cause).source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    // Without a stderr there is nobody left to tell.
    drop(writeln!(std::io::stderr(), "vault-server: {error}{causes}"));
    ExitCode::FAILURE
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let shown = arguments.world.display();
    let text = std::fs::read_to_string(&arguments.world)
        .map_err(|error| format!("cannot read the world {shown}: {error}"))?;
    let world: Value = serde_json::from_str(&text)
        .map_err(|error| format!("expected JSON in {shown}, found none: {error}"))?;
    // Before the line that says ready, so that whoever reads it may end the server at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let builder = VaultServer::builder().listen(arguments.listen);
    let server = builder.world(world).start().await?;
    writeln!(std::io::stdout(), "{}", server.base_url())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        result = take_orders(&server) => result?,
    }
    server.stop().await;
    Ok(())
}

/// One order a line, answered with `ok` or with what is wrong. The end of the input is no order to end.
async fn take_orders(server: &VaultServer) -> Result<(), Box<dyn Error>> {
    let (sender, mut lines) = mpsc::channel(1);
    // A thread of its own: a read that blocks must not keep the process from ending.
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    while let Some(line) = lines.recv().await {
        let answer = match obey(server, &line) {
            Ok(()) => "ok".to_owned(),
            Err(problem) => format!("error: {problem}"),
        };
        writeln!(std::io::stdout(), "{answer}")?;
    }
    std::future::pending().await
}

fn obey(server: &VaultServer, line: &str) -> Result<(), String> {
    let (order, what) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    match order {
        "advance" => {
            let by = humantime::parse_duration(what).map_err(|error| error.to_string())?;
            server.advance_clock(by);
        }
        "mode" => server.set_mode(mode(what)?),
        "fail" => {
            let status = what.parse().ok();
            let status = status
                .and_then(|status| StatusCode::from_u16(status).ok())
                .ok_or("expected a status such as 500")?;
            server.set_fault(Fault::Error(status), Times::Next(1));
        }
        _ => {
            return Err(format!(
                "expected advance LENGTH, mode NAME or fail STATUS, found {order:?}"
            ));
        }
    }
    Ok(())
}

fn mode(name: &str) -> Result<Mode, String> {
    Ok(match name {
        "active" => Mode::Active,
        "standby" => Mode::Standby,
        "leaderless" => Mode::Leaderless,
        "performance-standby" => Mode::PerformanceStandby,
        "disaster-recovery" => Mode::DisasterRecovery,
        "sealed" => Mode::Sealed,
        "uninitialized" => Mode::Uninitialized,
        _ => return Err(format!("expected the name of a mode, found {name:?}")),
    })
}
