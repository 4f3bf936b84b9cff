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
use std::time::Duration;

use bitbucket_server::{BitbucketServer, Reach};
use clap::Parser;
use server_kit::{Running, by_itself, pair};

/// Serves Bitbucket Cloud's contract for credentials on loopback.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 stands for a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A person. Can be repeated
    #[arg(long = "user", value_name = "EMAIL=USERNAME", value_parser = pair)]
    users: Vec<(String, String)>,
    /// A repository, in a project. Can be repeated
    #[arg(long = "repository", value_name = "WORKSPACE/NAME=PROJECT", value_parser = pair)]
    repositories: Vec<(String, String)>,
    /// A private OAuth consumer, which may read repositories. Can be repeated
    #[arg(long = "consumer", value_name = "WORKSPACE=KEY:SECRET", value_parser = pair)]
    consumers: Vec<(String, String)>,
    /// The same, but public
    #[arg(long = "public-consumer", value_name = "WORKSPACE=KEY:SECRET", value_parser = pair)]
    public_consumers: Vec<(String, String)>,
    /// An API token: its value is written to FILE. Can be repeated
    #[arg(long = "api-token", value_name = "FILE=EMAIL,SCOPE[,SCOPE…]", value_parser = pair)]
    api_tokens: Vec<(String, String)>,
    /// An access token of WORKSPACE, WORKSPACE/NAME or WORKSPACE:PROJECT: its value is written to FILE. Can be repeated
    #[arg(long = "access-token", value_name = "FILE=REACH,SCOPE[,SCOPE…]", value_parser = pair)]
    access_tokens: Vec<(String, String)>,
    /// How long an OAuth token lives
    #[arg(long, default_value = "2h", value_parser = humantime::parse_duration)]
    oauth_lifetime: Duration,
    /// How many requests for repository data are answered in an hour
    #[arg(long, default_value_t = 1000)]
    rate_limit: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    by_itself("bitbucket-server", start(Arguments::parse())).await
}

async fn start(arguments: Arguments) -> Result<Running, Box<dyn Error>> {
    let mut builder = BitbucketServer::builder()
        .listen(arguments.listen)
        .oauth_lifetime(arguments.oauth_lifetime)
        .rate_limit(arguments.rate_limit);
    for (email, username) in &arguments.users {
        builder = builder.user(email, username);
    }
    for (name, project) in &arguments.repositories {
        builder = builder.repository(name, project);
    }
    for (workspace, consumer) in &arguments.consumers {
        let (key, secret) = consumer.split_once(':').ok_or("expected KEY:SECRET")?;
        builder = builder.consumer(workspace, key, secret, &["repository"]);
    }
    for (workspace, consumer) in &arguments.public_consumers {
        let (key, secret) = consumer.split_once(':').ok_or("expected KEY:SECRET")?;
        builder = builder.public_consumer(workspace, key, secret);
    }
    let server = builder.start().await?;
    for (file, what) in &arguments.api_tokens {
        let (email, scopes) = split(what);
        std::fs::write(PathBuf::from(file), server.api_token(email, &scopes))?;
    }
    for (file, what) in &arguments.access_tokens {
        let (reach, scopes) = split(what);
        std::fs::write(
            PathBuf::from(file),
            server.access_token(parse_reach(reach), &scopes),
        )?;
    }
    Ok(server.into_running())
}

fn split(text: &str) -> (&str, Vec<&str>) {
    let mut parts = text.split(',');
    (parts.next().unwrap_or_default(), parts.collect())
}

fn parse_reach(text: &str) -> Reach {
    match text.split_once(':') {
        Some((workspace, key)) => Reach::Project(workspace.to_owned(), key.to_owned()),
        None if text.contains('/') => Reach::Repository(text.to_owned()),
        None => Reach::Workspace(text.to_owned()),
    }
}
