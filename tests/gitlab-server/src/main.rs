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

use clap::Parser;
use gitlab_server::{GitlabServer, TokenForm};
use server_kit::{Running, by_itself};

/// Serves GitLab's contract for access tokens on loopback.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 stands for a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A person. Can be repeated
    #[arg(long = "user", value_name = "NAME")]
    users: Vec<String>,
    /// An administrator. Can be repeated
    #[arg(long = "admin", value_name = "NAME")]
    admins: Vec<String>,
    /// A group with its members. Can be repeated
    #[arg(long = "group", value_name = "ID=PATH[,USER:LEVEL…]", value_parser = parse_place)]
    groups: Vec<PlaceArgument>,
    /// A project with its members. Can be repeated
    #[arg(long = "project", value_name = "ID=PATH[,USER:LEVEL…]", value_parser = parse_place)]
    projects: Vec<PlaceArgument>,
    /// A token made on the web: its value is written to FILE. Can be repeated
    #[arg(long = "token", value_name = "FILE=USER,SCOPE[+SCOPE…][,DATE]", value_parser = parse_token)]
    tokens: Vec<TokenArgument>,
    /// How many requests of a user are answered in a minute
    #[arg(long, default_value_t = 2000)]
    rate_limit: u64,
    /// How many failed authentications in three minutes ban an address for an hour
    #[arg(long, default_value_t = 30)]
    ban_after: u64,
    /// How far its clock is ahead, such as 36h
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration)]
    clock_ahead: Duration,
    /// Issue tokens of the long form, with dots
    #[arg(long)]
    routable_tokens: bool,
}

#[derive(Clone)]
struct PlaceArgument {
    id: u64,
    path: String,
    members: Vec<(String, u64)>,
}

#[derive(Clone)]
struct TokenArgument {
    file: PathBuf,
    user: String,
    scopes: Vec<String>,
    expires_at: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    by_itself("gitlab-server", start(Arguments::parse())).await
}

async fn start(arguments: Arguments) -> Result<Running, Box<dyn Error>> {
    let mut builder = GitlabServer::builder()
        .listen(arguments.listen)
        .rate_limit(arguments.rate_limit)
        .ban(
            arguments.ban_after,
            Duration::from_secs(180),
            Duration::from_secs(3600),
        );
    if arguments.routable_tokens {
        builder = builder.token_form(TokenForm::Routable);
    }
    for user in &arguments.users {
        builder = builder.user(user);
    }
    for admin in &arguments.admins {
        builder = builder.admin(admin);
    }
    for group in &arguments.groups {
        builder = builder.group(group.id, &group.path, &group.members());
    }
    for project in &arguments.projects {
        builder = builder.project(project.id, &project.path, &project.members());
    }
    let server = builder.start().await?;
    server.core().clock.advance(arguments.clock_ahead);
    for token in &arguments.tokens {
        let scopes: Vec<&str> = token.scopes.iter().map(String::as_str).collect();
        let value = server
            .try_token(&token.user, &scopes, token.expires_at.as_deref(), false)
            .ok_or_else(|| {
                format!(
                    "expected a user and a date for a token, found {:?}",
                    token.user
                )
            })?;
        std::fs::write(&token.file, value)?;
    }
    Ok(server.into_running())
}

impl PlaceArgument {
    fn members(&self) -> Vec<(&str, u64)> {
        self.members
            .iter()
            .map(|(user, role)| (user.as_str(), *role))
            .collect()
    }
}

fn parse_place(text: &str) -> Result<PlaceArgument, String> {
    let expected = || {
        format!(
            "expected ID=PATH or ID=PATH,USER:LEVEL,… with numbers for ID and LEVEL, found {text:?}"
        )
    };
    let (id, rest) = text.split_once('=').ok_or_else(expected)?;
    let mut parts = rest.split(',');
    let path = parts
        .next()
        .filter(|path| !path.is_empty())
        .ok_or_else(expected)?;
    let member = |part: &str| {
        let (user, role) = part.split_once(':')?;
        Some((user.to_owned(), role.parse().ok()?))
    };
    Ok(PlaceArgument {
        id: id.parse().map_err(|_| expected())?,
        path: path.to_owned(),
        members: parts
            .map(member)
            .collect::<Option<_>>()
            .ok_or_else(expected)?,
    })
}

fn parse_token(text: &str) -> Result<TokenArgument, String> {
    let expected =
        || format!("expected FILE=USER,SCOPE+SCOPE or FILE=USER,SCOPE,DATE, found {text:?}");
    let (file, rest) = text.split_once('=').ok_or_else(expected)?;
    let mut parts = rest.split(',').map(str::to_owned);
    Ok(TokenArgument {
        file: file.into(),
        user: parts.next().ok_or_else(expected)?,
        scopes: parts
            .next()
            .ok_or_else(expected)?
            .split('+')
            .map(str::to_owned)
            .collect(),
        expires_at: parts.next(),
    })
}
