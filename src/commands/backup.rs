//! `provisionhook backup FILE`: a copy of the database, whether a platform uses it or not.

use std::{error::Error, fs::File, io, path::Path, process::ExitCode};

use provisionhook_host::store::Store;

use super::{CommandResult, output};
use crate::{config::Config, control};

/// Writes the copy beside `to`, looks whether it is whole, and only then gives it its name.
pub(super) fn run(config: &Config, to: &Path) -> CommandResult {
    if to.try_exists()? {
        return Err(taken(to));
    }
    let directory = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let cannot = |error: io::Error| {
        format!(
            "cannot write {}: {error}; nothing was left there",
            to.display()
        )
    };
    let mut unfinished = control::unfinished(directory).map_err(cannot)?;
    if !control::backup(&config.state_dir, unfinished.as_file_mut())? {
        Store::backup_at_rest(&config.state_dir.join("state.db"), unfinished.path())?;
    }
    Store::check(unfinished.path())?;
    unfinished.as_file().sync_all().map_err(cannot)?;
    let file = unfinished.persist_noclobber(to).map_err(|error| {
        if error.error.kind() == io::ErrorKind::AlreadyExists {
            return taken(to);
        }
        cannot(error.error).into()
    })?;
    File::open(directory)?.sync_all().map_err(cannot)?;
    let bytes = file.metadata()?.len();
    output::line(&format!("{}: {bytes} bytes", to.display()));
    Ok(ExitCode::SUCCESS)
}

fn taken(to: &Path) -> Box<dyn Error> {
    format!(
        "expected a name that is free, found a file at {}: a backup overwrites nothing, choose another",
        to.display()
    )
    .into()
}
