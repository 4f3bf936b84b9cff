//! `cargo xtask second-opinions`: drives the servers of the tests with clients that other people wrote.
//!
//! Each `tests/NAME-server/drive-with-CLIENT.py` is run with the path of the server's binary in `NAME_SERVER`, and must end
//! well with `all N checks passed`. A server that only agrees with our own plugin is no proof of anything. Those of `tests/openapi` drive the
//! platform itself, by the description of its API.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;

use crate::{Done, Failure, files, python};

/// Where the module is that they import: `driving`.
const SHARED: &str = "tests/python";

/// The directory of the scripts that drive the platform, and what is built for them: its binary first, then plugins.
const PLATFORM: (&str, [&str; 3]) = (
    "openapi",
    ["provisionhook", "fixture-greeter", "fixture-tokens"],
);

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only for this server (`github-server`), or for the platform (`openapi`); may be repeated
    #[arg(long, value_name = "SERVER")]
    only: Vec<String>,
}

/// A server, and the scripts that drive it.
struct Driven {
    server: String,
    scripts: Vec<PathBuf>,
}

/// # Errors
///
/// When a server does not build, or a client does not get from it what it expects.
pub(crate) fn run(arguments: &Arguments) -> Done {
    python::run(&python::Arguments {})?;
    let mut said = Vec::new();
    for driven in driven(&arguments.only)? {
        let packages = match PLATFORM {
            (directory, packages) if directory == driven.server => packages.to_vec(),
            _ => vec![&*driven.server],
        };
        let binary = build(&packages)?;
        for script in &driven.scripts {
            said.push(drive(packages[0], &binary, script)?);
        }
    }
    if said.is_empty() {
        return Err("expected a tests/*-server/drive-with-*.py, found none".into());
    }
    Ok(said.join("\n"))
}

/// # Errors
///
/// When `tests/` cannot be read.
fn driven(only: &[String]) -> Result<Vec<Driven>, Failure> {
    let mut found = Vec::new();
    for server in sorted(&files::path("tests"))? {
        let Some(name) = server.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !server.is_dir() || !(only.is_empty() || only.iter().any(|only| only == name)) {
            continue;
        }
        let scripts: Vec<PathBuf> = sorted(&server)?
            .into_iter()
            .filter(|path| is_script(path))
            .collect();
        if !scripts.is_empty() {
            found.push(Driven {
                server: name.to_owned(),
                scripts,
            });
        }
    }
    Ok(found)
}

fn is_script(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("drive-with-") && name.ends_with(".py"))
}

/// # Errors
///
/// When the directory cannot be read.
fn sorted(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// # Errors
///
/// When it does not build.
fn build(packages: &[&str]) -> Result<PathBuf, Failure> {
    let mut arguments = vec!["build", "--quiet", "--locked"];
    arguments.extend(packages.iter().flat_map(|package| ["-p", package]));
    let status = Command::new("cargo")
        .args(&arguments)
        .current_dir(files::path("."))
        .status()?;
    if !status.success() {
        return Err(format!("cargo {}: {status}", arguments.join(" ")).into());
    }
    let binary = files::path("target/debug").join(packages[0]);
    Ok(binary.canonicalize()?)
}

/// # Errors
///
/// When the script fails, or does not say that all of its checks passed.
fn drive(server: &str, binary: &Path, script: &Path) -> Result<String, Failure> {
    let variable = server.replace('-', "_").to_ascii_uppercase();
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    let ran = Command::new(python::executable())
        // `-B`: what Python makes of the module does not belong beside it.
        .arg("-B")
        .arg(script)
        .env("PYTHONPATH", files::path(SHARED))
        .env(variable, binary)
        .output()?;
    let printed = String::from_utf8_lossy(&ran.stdout);
    let last = printed.lines().last().unwrap_or_default();
    if ran.status.success() && last.starts_with("all ") && last.ends_with(" checks passed") {
        return Ok(format!("{server}, {name}: {last}"));
    }
    let complaint = String::from_utf8_lossy(&ran.stderr);
    Err(format!(
        "{server}, {name}: expected `all N checks passed`, found {}:\n{printed}{complaint}",
        ran.status
    )
    .into())
}
