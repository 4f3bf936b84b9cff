//! Which files there are.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Longer ids have no file.
const LONGEST_ID: usize = 128;

/// The directory without links on the way, so that a link out of it can be told.
pub(super) fn real(directory: &Path) -> Result<PathBuf, String> {
    let unusable = |found: &str| {
        format!(
            "/directory: expected a directory at {}, found {found}; make it, or correct the path",
            directory.display()
        )
    };
    let real = fs::canonicalize(directory).map_err(|error| unusable(&error.to_string()))?;
    if real.is_dir() {
        Ok(real)
    } else {
        Err(unusable("something else"))
    }
}

/// The tenants' files by id. None if there is no such directory.
pub(super) fn tenants(directory: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let unreadable = |error: io::Error| format!("cannot list {}: {error}", directory.display());
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        // What editors and Kubernetes leave beside the files begins with a dot or ends otherwise.
        let Some(id) = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".toml"))
            .filter(|id| !id.starts_with('.'))
        else {
            continue;
        };
        if !is_id(id) {
            return Err(format!(
                "{}: expected a tenant's id of letters, digits, `.`, `_` and `-` (at most {LONGEST_ID}) before .toml, found another; rename \
                 or remove the file",
                path.display()
            ));
        }
        found.insert(id.to_owned(), path);
    }
    Ok(found)
}

fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_ID
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}
