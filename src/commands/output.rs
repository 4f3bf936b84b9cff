//! Writes for people and scripts. A reader that goes away (`| head`) ends the writing, not the program.

use std::io::{self, Write as _};

/// One line on standard output.
pub(super) fn line(text: &str) {
    let _reader_gone = writeln!(io::stdout().lock(), "{text}");
}

/// Text as it is on standard output.
pub(super) fn text(text: &str) {
    let _reader_gone = io::stdout().lock().write_all(text.as_bytes());
}

/// An error for the one who typed the command.
pub(super) fn error(text: &str) {
    let _reader_gone = writeln!(io::stderr().lock(), "provisionhook: {text}");
}

/// A value as JSON, indented, on standard output.
pub(super) fn json<T: serde::Serialize>(value: &T) -> Result<(), serde_json::Error> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}
