//! `cargo xtask python`: a Python of the tests' own in `target/python`, with what `tests/python/requirements.txt` pins.
//!
//! The emulators that tests start come from there, and so do the independent clients of [`opinions`](crate::opinions).

use std::{fs, path::PathBuf, process::Command};

use clap::Args;

use crate::{Done, commands::succeed, files};

/// Where it is.
const PLACE: &str = "target/python";
/// What is installed.
const REQUIREMENTS: &str = "tests/python/requirements.txt";

#[derive(Args)]
pub(crate) struct Arguments {}

/// Makes it, unless it is there and has just these packages.
///
/// # Errors
///
/// When there is no Python with `venv`, or a package cannot be had.
pub(crate) fn run(_: &Arguments) -> Done {
    let wanted = fs::read_to_string(files::path(REQUIREMENTS))
        .map_err(|error| format!("cannot read {REQUIREMENTS}: {error}"))?;
    let stamp = files::path(PLACE).join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(format!("{PLACE} is up to date"));
    }
    // The stamp must not vouch for what is half made.
    if stamp.exists() {
        fs::remove_file(&stamp)?;
    }
    let make = ["-m", "venv", "--clear", PLACE];
    succeed(
        Command::new("python3")
            .args(make)
            .current_dir(files::path(".")),
        "python3 -m venv (Debian: python3-venv)",
    )?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        REQUIREMENTS,
    ];
    succeed(
        Command::new(executable())
            .args(install)
            .current_dir(files::path(".")),
        "pip install of the tests' packages",
    )?;
    fs::write(stamp, wanted)?;
    Ok(format!("installed {REQUIREMENTS} in {PLACE}"))
}

/// The interpreter that has the packages.
pub(crate) fn executable() -> PathBuf {
    files::path(PLACE).join("bin/python")
}
