//! Files that others write while the platform runs: credentials that are kept fresh there.

use std::{fs, io, path::Path};

use provisionhook_plugin_abi::sdk::Fault;
use zeroize::Zeroizing;

use crate::off_thread::off_thread;

/// What stands in the file now; none if it is not there.
///
/// # Errors
/// A `config` fault for a file that is there and cannot be read, or is no text.
pub async fn read(path: &Path) -> Result<Option<Zeroizing<String>>, Fault> {
    let owned = path.to_owned();
    match off_thread(move || fs::read_to_string(owned)).await? {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::config(format!(
            "cannot read {}: {error}",
            path.display()
        ))),
    }
}

/// A token that stands in a file by itself; `what` names it.
///
/// # Errors
/// A `config` fault for a file that is missing, unreadable or empty.
pub async fn read_token(path: &Path, what: &str) -> Result<Zeroizing<String>, Fault> {
    let text = read(path).await?.unwrap_or_default();
    let token = text.trim();
    if token.is_empty() {
        return Err(Fault::config(format!(
            "expected {what} in {}, found no file or an empty one; whoever writes it has not yet, or it is elsewhere",
            path.display()
        )));
    }
    Ok(Zeroizing::new(token.to_owned()))
}
