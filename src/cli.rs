//! The command line.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// Puts credentials and configuration into agent workspaces, through plugins.
#[derive(Debug, Parser)]
#[command(name = "provisionhook", version = crate::build::LONG_VERSION, propagate_version = true)]
pub(crate) struct Cli {
    /// Configuration file (TOML); without one, built-in defaults and PROVISIONHOOK_… variables.
    #[arg(
        long,
        short,
        global = true,
        env = "PROVISIONHOOK_CONFIG",
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Load the plugins and serve the HTTP API until a signal comes.
    Serve,
    /// Provision one workspace and run a command in it, in the foreground.
    Run(Run),
    /// Copy the database of the platform, also while it runs; nothing is overwritten.
    Backup {
        /// The file to make.
        file: PathBuf,
    },
    /// Look at plugins.
    #[command(subcommand)]
    Plugin(Plugin),
    /// Run the whole chain against a made-up workspace and show what it would set, and who; nothing is started.
    Explain(Explain),
    /// Print a fresh token for the workspace that this runs in, for tools other than git.
    Token(Token),
    /// Answer git inside a workspace: `credential.helper = !provisionhook credential-helper --provider PLUGIN --host HOST`.
    CredentialHelper(CredentialHelper),
    /// Check the configuration, the directories and the plugins, and say where each setting came from.
    Doctor(Doctor),
    /// Print the description of the HTTP API, an OpenAPI 3.1 document.
    #[command(name = "openapi")]
    OpenApi,
    /// Stand between the platform and one workspace; the platform starts this itself.
    #[command(hide = true)]
    Supervise {
        /// How many files the workspace may have open; without it, as many as the platform.
        #[arg(long)]
        open_files: Option<u64>,
        /// The workspace's directory.
        directory: PathBuf,
    },
}

/// A workspace as the command line describes it.
#[derive(Args, Debug)]
pub(crate) struct Workspace {
    /// Name, for people.
    #[arg(long, default_value = "")]
    pub(crate) name: String,
    /// Tenant.
    #[arg(long, default_value = "")]
    pub(crate) tenant: String,
    /// Role of the agent.
    #[arg(long, default_value = "")]
    pub(crate) role: String,
    /// A label; may be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// A variable that the workspace's user asks for; may be repeated.
    #[arg(long = "env", short, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) env: Vec<(String, String)>,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) workspace: Workspace,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) workspace: Workspace,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Load the configured plugins and report each.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what one file says of itself; none of its code runs.
    Inspect {
        /// The .so file.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Check every file of a directory as far as that goes without running code; fails if any would be refused.
    Verify {
        /// The directory.
        directory: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Everything left out asks for the widest token that the plugin gives.
#[derive(Args, Debug)]
pub(crate) struct Token {
    /// The plugin to ask; without it, the one that git in workspaces asks.
    #[arg(long, value_parser = given)]
    pub(crate) provider: Option<String>,
    /// What the token is for, as the plugin names it; a host name for git.
    #[arg(long, value_name = "HOST", value_parser = given)]
    pub(crate) audience: Option<String>,
    /// A repository that it shall reach; may be repeated.
    #[arg(long = "repository", value_name = "OWNER/NAME", value_parser = given)]
    pub(crate) repositories: Vec<String>,
    /// A permission that it shall have; may be repeated.
    #[arg(long = "permission", value_name = "NAME=LEVEL", value_parser = pair)]
    pub(crate) permissions: Vec<(String, String)>,
}

#[derive(Args, Debug)]
pub(crate) struct CredentialHelper {
    /// A host, with its port if it has one, for which to answer; may be repeated.
    #[arg(long = "host", default_value = "github.com")]
    pub(crate) hosts: Vec<String>,
    /// The plugin to ask.
    #[arg(long)]
    pub(crate) provider: String,
    /// get, store, erase or capability; git gives it.
    pub(crate) operation: String,
}

#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// List every key of the configuration instead.
    #[arg(long)]
    pub(crate) keys: bool,
}

/// Empty would ask for the widest token, which must not happen because a variable of a script was empty.
fn given(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("expected a value, found none; give one, or leave the option out".to_owned());
    }
    Ok(text.to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
