//! One file for each command. What they share: reading the configuration, starting the runtime, telling an error.

mod backup;
mod boot;
mod credential_helper;
mod doctor;
mod explain;
mod git_config;
mod logging;
mod output;
mod plugin;
mod run;
mod serve;
mod supervise;
mod token;

use std::{error::Error, process::ExitCode};

use provisionhook_host::http::openapi;

use crate::{
    cli::{Cli, Command},
    config::{self, ProcessEnvironment},
};

/// What a command gives back: its exit status, or why it could not do its work.
type CommandResult = Result<ExitCode, Box<dyn Error>>;

/// Carries out a command line. An error is told on standard error, with its causes, and exits with 1.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let configured = || config::load(cli.config.as_deref(), &ProcessEnvironment);
    let result = match cli.command {
        Command::Serve => configured()
            .map_err(Into::into)
            .and_then(|loaded| serve::run(&loaded.config, &configured)),
        Command::Run(run) => configured()
            .map_err(Into::into)
            .and_then(|loaded| run::run(&loaded.config, run)),
        Command::Backup { file } => configured()
            .map_err(Into::into)
            .and_then(|loaded| backup::run(&loaded.config, &file)),
        Command::Plugin(plugin) => plugin::run(plugin, configured),
        Command::Explain(explain) => configured()
            .map_err(Into::into)
            .and_then(|loaded| explain::run(&loaded.config, explain)),
        Command::Token(token) => token::run(&token, &ProcessEnvironment),
        Command::CredentialHelper(helper) => credential_helper::run(&helper, &ProcessEnvironment),
        Command::Doctor(doctor) if doctor.keys => doctor::list_keys(),
        Command::Doctor(_) => doctor::run(cli.config.as_deref(), configured()),
        Command::OpenApi => output::json(&openapi::document())
            .map(|()| ExitCode::SUCCESS)
            .map_err(Into::into),
        Command::Supervise {
            open_files,
            directory,
        } => supervise::run(&directory, open_files),
    };
    result.unwrap_or_else(|error| {
        output::error(&with_causes(error.as_ref()));
        ExitCode::FAILURE
    })
}

/// The error and its sources on one line: `message: cause: cause`.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
