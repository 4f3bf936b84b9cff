//! The names of values.

use crate::fault::{Fault, FaultKind};

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 128;

/// Keys are names of files: they cannot lead out of their directory, nor be a temporary file, which begins with a dot.
///
/// # Errors
/// Not `[a-z0-9][a-z0-9._-]{0,127}`. The fault does not repeat it: it may be a value in the wrong place.
pub(super) fn check_key(key: &str) -> Result<(), Fault> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = key.len() <= MAX_KEY_BYTES
        && key.bytes().next().is_some_and(letter)
        && key
            .bytes()
            .all(|byte| letter(byte) || matches!(byte, b'.' | b'_' | b'-'));
    if good {
        return Ok(());
    }
    Err(Fault::new(
        FaultKind::Internal,
        format!(
            "expected a state key of 1 to {MAX_KEY_BYTES} lower-case letters, digits, `.`, `_` and `-`, a letter or digit \
             in front, found one of {} bytes that is not; report it to the plugin's author",
            key.len()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for good in ["a", "0", "lease.1_b-c", &"k".repeat(MAX_KEY_BYTES)] {
            check_key(good).unwrap();
        }
        for bad in [
            "",
            ".a",
            "-a",
            "_a",
            "A",
            "a/b",
            "..",
            "a b",
            "ä",
            "a\0",
            &"k".repeat(MAX_KEY_BYTES + 1),
        ] {
            let fault = check_key(bad).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Internal, "{bad:?}");
            let told = format!("found one of {} bytes", bad.len());
            assert!(fault.message.contains(&told), "{bad:?}: {fault}");
        }
    }
}
