//! Generated files: where they are, and whether they are what would be generated now.

use std::{fs, path::PathBuf};

use crate::Done;

/// A path in the repository.
pub(crate) fn path(inside: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(inside)
}

/// Writes a generated file.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write(inside: &str, content: &str) -> Done {
    fs::write(path(inside), content).map_err(|error| format!("cannot write {inside}: {error}"))?;
    Ok(format!("wrote {inside}"))
}

/// Compares a generated file with what is there.
///
/// # Errors
///
/// When it differs; names the first line, and the command that mends it.
pub(crate) fn check(inside: &str, content: &str, command: &str) -> Done {
    let there = fs::read_to_string(path(inside))
        .map_err(|error| format!("cannot read {inside}: {error}"))?;
    if there == content {
        return Ok(format!("{inside} is up to date"));
    }
    let same = there
        .lines()
        .zip(content.lines())
        .take_while(|(there, now)| there == now)
        .count();
    let line = |text: &str| {
        text.lines()
            .nth(same)
            .unwrap_or("the end of the file")
            .to_owned()
    };
    let (found, expected) = (line(&there), line(content));
    Err(format!(
        "{inside}, line {}: expected\n  {expected}\nfound\n  {found}\nrun `{command}`",
        same + 1
    )
    .into())
}
