//! `provisionhook`: the command line, and the order of boot.
#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and the error types say what can go wrong"
)]

mod build;
mod cli;
mod commands;
mod config;
mod control;
mod credential;
mod platform;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    commands::run(cli::Cli::parse())
}
