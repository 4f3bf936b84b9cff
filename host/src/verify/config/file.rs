//! The files of a config: the config itself, and those that it refers to.

use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::{discover::ownership, mismatch::Mismatch};

/// The largest config, and the largest file that a config refers to, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// # Errors
/// It cannot be read, is too large, or can be written by others.
pub(super) fn read_config(path: &Path) -> Result<Zeroizing<Vec<u8>>, Mismatch> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if let Some(mut mismatch) = ownership(path, &metadata).0.into_iter().next() {
        mismatch.expected = format!("a config {} with {}", path.display(), mismatch.expected);
        return Err(mismatch);
    }
    read(file, path)
}

/// The text of a file that a config refers to, without one newline at its end, and a warning if others may read it.
///
/// # Errors
/// It cannot be read, is too large, or is not UTF-8.
pub(super) fn read_secret(path: &Path) -> Result<(Zeroizing<String>, Option<String>), Mismatch> {
    let file = open(path)?;
    let mode = file
        .metadata()
        .map_err(|error| unreadable(path, &error))?
        .mode()
        & 0o7777;
    let bytes = read(file, path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let found = format!("a byte that is not at {}", error.valid_up_to());
        Mismatch::new(
            format!("UTF-8 in {}", path.display()),
            found,
            "refer to a text file",
        )
    })?;
    let text = text
        .strip_suffix('\n')
        .map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    let warning = (mode & 0o006 != 0).then(|| {
        format!(
            "{}: expected a file that only the platform can read and write, found mode {mode:04o}; run chmod o-rw on it",
            path.display()
        )
    });
    Ok((Zeroizing::new(text.to_owned()), warning))
}

/// Does not wait for the writer of a named pipe.
///
/// # Errors
/// It cannot be opened, or is no regular file.
fn open(path: &Path) -> Result<File, Mismatch> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())
        .map(File::from)
        .map_err(|error| unreadable(path, &error.into()))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if metadata.is_file() {
        return Ok(file);
    }
    let found = if metadata.is_dir() {
        "a directory"
    } else {
        "a special file"
    };
    Err(Mismatch::new(
        format!("a regular file {}", path.display()),
        found,
        "correct the path",
    ))
}

/// # Errors
/// It cannot be read, or is too large.
fn read(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, Mismatch> {
    let length = file
        .metadata()
        .map_err(|error| unreadable(path, &error))?
        .len()
        .min(MAX_BYTES);
    // One buffer of the right size: one that grows would leave copies of the secret behind.
    let capacity = usize::try_from(length).unwrap_or(0).saturating_add(64);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Mismatch::new(
            format!("at most {MAX_BYTES} bytes in {}", path.display()),
            "more",
            "correct the path, or make the file smaller",
        ));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Mismatch {
    Mismatch::new(
        format!("a readable file {}", path.display()),
        error.to_string(),
        "correct the path, or let the platform's user read it",
    )
}
