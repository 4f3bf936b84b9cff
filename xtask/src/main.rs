//! The project's own commands: `cargo xtask COMMAND`. One file each.
#![forbid(unsafe_code)]

mod abi;
mod ci;
mod cluster;
mod commands;
mod files;
mod header;
mod opinions;
mod outside;
mod python;

use std::{error::Error, io::Write, process::ExitCode};

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Command {
    /// Write plugin-abi/include/provisionhook.h from the wire types
    Header(header::Arguments),
    /// Compare the contract with plugin-abi/abi-layout.golden
    Abi(abi::Arguments),
    /// Run everything that decides whether a change lands
    Ci(ci::Arguments),
    /// Run the tests that need a Kubernetes, with a real one
    Cluster(cluster::Arguments),
    /// Build the plugins of the tests as other people build them
    OutsidePlugins(outside::Arguments),
    /// Install what tests need from the Python package index into target/python
    Python(python::Arguments),
    /// Drive the servers of the tests with clients that other people wrote
    SecondOpinions(opinions::Arguments),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Header(arguments) => header::run(&arguments),
        Command::Abi(arguments) => abi::run(&arguments),
        Command::Ci(arguments) => ci::run(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::OutsidePlugins(arguments) => outside::run(&arguments),
        Command::Python(arguments) => python::run(&arguments),
        Command::SecondOpinions(arguments) => opinions::run(&arguments),
    };
    match done {
        Ok(said) => say(&said, ExitCode::SUCCESS),
        Err(error) => say(&error.to_string(), ExitCode::FAILURE),
    }
}

/// What a command ends with: a sentence for the terminal.
type Done = Result<String, Failure>;

/// Why a command failed: a sentence too.
type Failure = Box<dyn Error>;

fn say(text: &str, code: ExitCode) -> ExitCode {
    match writeln!(std::io::stderr(), "{text}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
