//! The store by itself: prints its base URL on one line when it is ready, and serves until it is told to end.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and a command's errors are for its reader"
)]

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use pat_server::{PatServer, Secret};
use server_kit::{Running, by_itself};

/// Serves the HTTP contract of pat-store on loopback.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 stands for a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What clients must present
    #[arg(long)]
    token: String,
    /// A secret: its value, and who goes with it. Can be repeated
    #[arg(long = "secret", value_name = "NAME=VALUE[,USERNAME,HOST]", value_parser = parse_secret)]
    secrets: Vec<(String, Secret)>,
    /// A secret that nobody may read. Can be repeated
    #[arg(long = "deny", value_name = "NAME")]
    denied: Vec<String>,
    /// A tenant that is not served. Can be repeated
    #[arg(long = "deny-tenant", value_name = "ID")]
    denied_tenants: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    by_itself("pat-server", start(Arguments::parse())).await
}

async fn start(arguments: Arguments) -> Result<Running, Box<dyn Error>> {
    let server = PatServer::start(arguments.listen, &arguments.token).await?;
    for (name, secret) in arguments.secrets {
        server.put(&name, secret);
    }
    for name in &arguments.denied {
        server.deny(name);
    }
    for tenant in &arguments.denied_tenants {
        server.deny_tenant(tenant, true);
    }
    Ok(server.into_running())
}

fn parse_secret(text: &str) -> Result<(String, Secret), String> {
    let (name, rest) = text
        .split_once('=')
        .ok_or_else(|| "expected NAME=VALUE".to_owned())?;
    let parts: Vec<&str> = rest.split(',').collect();
    let part = |at: usize| parts.get(at).map(|part| (*part).to_owned());
    let secret = Secret {
        value: part(0).unwrap_or_default(),
        username: part(1),
        host: part(2),
        expires_at: None,
    };
    Ok((name.to_owned(), secret))
}
