//! The server by itself, for the demo: prints its base URL on one line when it is ready, and serves until it is told to end.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and a command's errors are for its reader"
)]

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use github_server::{GithubServer, TokenForm};
use server_kit::{Running, by_itself};

/// Serves GitHub's contract for App installation tokens on loopback.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 stands for a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The App's number
    #[arg(long)]
    app_id: u64,
    /// The App's client id
    #[arg(long)]
    client_id: String,
    /// The public half of the App's key, PEM
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// An installation; without repositories it covers all of the owner's. Can be repeated
    #[arg(long = "installation", value_name = "ID=OWNER[,REPO…]", required = true, value_parser = parse_installation)]
    installations: Vec<InstallationArgument>,
    /// What every installation was granted. Can be repeated
    #[arg(
        long = "permission",
        value_name = "NAME=LEVEL",
        default_values = ["contents=write", "issues=write", "metadata=read", "pull_requests=write"],
        value_parser = parse_permission,
    )]
    permissions: Vec<(String, String)>,
    /// How long a token lives, such as 1h or 90s
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    token_lifetime: Duration,
    /// For how long every new token is refused with 401
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    replication_lag: Duration,
    /// An installation that is suspended from the start, by its account. Can be repeated
    #[arg(long = "suspended", value_name = "ID")]
    suspended: Vec<u64>,
    /// Issue tokens of the long form, with dots
    #[arg(long)]
    stateless_tokens: bool,
}

#[derive(Clone)]
struct InstallationArgument {
    id: u64,
    owner: String,
    repositories: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    by_itself("github-server", start(Arguments::parse())).await
}

async fn start(arguments: Arguments) -> Result<Running, Box<dyn Error>> {
    let public_key = std::fs::read_to_string(&arguments.public_key).map_err(|error| {
        format!(
            "cannot read the public key {}: {error}",
            arguments.public_key.display()
        )
    })?;
    let form = if arguments.stateless_tokens {
        TokenForm::Stateless
    } else {
        TokenForm::Classic
    };
    let mut builder = GithubServer::builder()
        .listen(arguments.listen)
        .app_id(arguments.app_id)
        .client_id(&arguments.client_id)
        .public_key_pem(&public_key)
        .token_lifetime(arguments.token_lifetime)
        .replication_lag(arguments.replication_lag)
        .token_form(form);
    let permissions: Vec<(&str, &str)> = arguments
        .permissions
        .iter()
        .map(|(name, level)| (name.as_str(), level.as_str()))
        .collect();
    for installation in &arguments.installations {
        let repositories: Vec<&str> = installation
            .repositories
            .iter()
            .map(String::as_str)
            .collect();
        builder = builder.installation(
            installation.id,
            &installation.owner,
            &repositories,
            &permissions,
        );
    }
    let server = builder.start().await?;
    for id in arguments.suspended {
        if !server.set_suspended(id, true) {
            return Err(format!("expected an installation to suspend, found none with the number {id}; add it with --installation").into());
        }
    }
    Ok(server.into_running())
}

fn parse_installation(text: &str) -> Result<InstallationArgument, String> {
    let expected =
        || format!("expected ID=OWNER or ID=OWNER,REPO,REPO with a number for ID, found {text:?}");
    let (id, rest) = text.split_once('=').ok_or_else(expected)?;
    let mut names = rest.split(',').map(str::to_owned);
    let owner = names
        .next()
        .filter(|owner| !owner.is_empty())
        .ok_or_else(expected)?;
    Ok(InstallationArgument {
        id: id.parse().map_err(|_| expected())?,
        owner,
        repositories: names.collect(),
    })
}

fn parse_permission(text: &str) -> Result<(String, String), String> {
    let (name, level) = text
        .split_once('=')
        .ok_or_else(|| format!("expected NAME=LEVEL such as contents=write, found {text:?}"))?;
    Ok((name.to_owned(), level.to_owned()))
}
