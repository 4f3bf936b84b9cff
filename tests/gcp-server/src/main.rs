//! The server by itself: prints its base URL on one line when it is ready, and serves until it is told to end.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and a command's errors are for its reader"
)]

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gcp_server::GcpServer;
use server_kit::{Running, by_itself, pair};

/// Serves Google Cloud's contract for Secret Manager and access tokens on loopback.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 stands for a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Serve secrets of this region alone
    #[arg(long)]
    location: Option<String>,
    /// A service account, with a file that has the public half of its key. Can be repeated
    #[arg(long = "account", value_name = "EMAIL=FILE", value_parser = pair)]
    accounts: Vec<(String, String)>,
    /// A refresh token with its client. Can be repeated
    #[arg(long = "refresh", value_name = "TOKEN=CLIENT:SECRET", value_parser = pair)]
    refresh: Vec<(String, String)>,
    /// A subject token that an identity pool takes. Can be repeated
    #[arg(long = "pool", value_name = "AUDIENCE=TOKEN", value_parser = pair)]
    pools: Vec<(String, String)>,
    /// Who may act as whom. Can be repeated
    #[arg(long = "impersonate", value_name = "PRINCIPAL=ACCOUNT", value_parser = pair)]
    impersonations: Vec<(String, String)>,
    /// The account of the machine
    #[arg(long)]
    machine: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    by_itself("gcp-server", start(Arguments::parse())).await
}

async fn start(arguments: Arguments) -> Result<Running, Box<dyn Error>> {
    let mut builder = GcpServer::builder().listen(arguments.listen);
    if let Some(location) = &arguments.location {
        builder = builder.location(location);
    }
    for (email, file) in &arguments.accounts {
        let path = PathBuf::from(file);
        let key = std::fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        builder = builder.account(email, &key);
    }
    for (token, client) in &arguments.refresh {
        let (id, secret) = client
            .split_once(':')
            .ok_or("expected TOKEN=CLIENT:SECRET, found no colon")?;
        builder = builder.refresh_token(token, id, secret);
    }
    for (audience, token) in &arguments.pools {
        builder = builder.pool(audience, token);
    }
    for (principal, account) in &arguments.impersonations {
        builder = builder.impersonation(principal, account);
    }
    if let Some(machine) = &arguments.machine {
        builder = builder.machine(machine);
    }
    Ok(builder.start().await?.into_running())
}
