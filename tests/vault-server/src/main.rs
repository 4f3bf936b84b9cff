//! The server by itself: prints its base URL on one line when it is ready, takes orders on its standard input, and serves until it is told to end.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and a command's errors are for its reader"
)]

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::Value;
use server_kit::{Running, by_itself};
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
    by_itself("vault-server", start(Arguments::parse())).await
}

async fn start(arguments: Arguments) -> Result<Running, Box<dyn Error>> {
    let shown = arguments.world.display();
    let text = std::fs::read_to_string(&arguments.world)
        .map_err(|error| format!("cannot read the world {shown}: {error}"))?;
    let world: Value = serde_json::from_str(&text)
        .map_err(|error| format!("expected JSON in {shown}, found none: {error}"))?;
    let builder = VaultServer::builder().listen(arguments.listen);
    let mut server = builder.world(world).start().await?;
    let running = server.take_running().ok_or("the server does not run")?;
    // A thread of its own: a read that blocks must not keep the process from ending.
    std::thread::spawn(move || take_orders(&server));
    Ok(running)
}

/// One order a line, answered with `ok` or with what is wrong. The end of the input is no order to end.
fn take_orders(server: &VaultServer) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let answer = match obey(server, &line) {
            Ok(()) => "ok".to_owned(),
            Err(problem) => format!("error: {problem}"),
        };
        if writeln!(std::io::stdout(), "{answer}").is_err() {
            break;
        }
    }
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
