//! What fits into an environment, and how the host says no.

/// The longest `KEY=value` with its NUL, in bytes: `execve` takes no longer string (`MAX_ARG_STRLEN`).
pub const MAX_STRING_BYTES: usize = 128 * 1024;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Why the host refused a `get`, `set` or `unset`. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// Checks that `key=value` can be put into an environment: UTF-8, no NUL, not too long.
///
/// # Errors
/// The refusal says which of these it is not; it repeats no part of the value.
#[inline]
pub(super) fn check(key: &[u8], value: &[u8]) -> Result<(), Refusal> {
    if key.len() + value.len() + 2 > MAX_STRING_BYTES {
        return Err(too_long(key, value));
    }
    if is_plain(value) {
        Ok(())
    } else {
        check_slowly(key, value)
    }
}

/// Whether all bytes are ASCII and not NUL, eight at a time. May say no to a good value, never yes to a bad one.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut odd = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        odd |= (word | word.wrapping_sub(ONES) & !word) & HIGHS;
    }
    odd == 0 && rest.iter().all(|&byte| byte.wrapping_sub(1) < 0x7f)
}

/// # Errors
/// As [`check`].
#[cold]
fn check_slowly(key: &[u8], value: &[u8]) -> Result<(), Refusal> {
    let key = String::from_utf8_lossy(key);
    if let Err(error) = std::str::from_utf8(value) {
        return Err(Refusal(format!(
            "expected UTF-8 as the value of {key}, found a byte that is none at {}; encode it, for example as base64",
            error.valid_up_to()
        )));
    }
    match memchr::memchr(0, value) {
        Some(at) => Err(Refusal(format!(
            "expected a value without NUL for {key}, found one at byte {at}; a process cannot be given it"
        ))),
        None => Ok(()),
    }
}

#[cold]
fn too_long(key: &[u8], value: &[u8]) -> Refusal {
    let key = String::from_utf8_lossy(&key[..key.len().min(super::keys::MAX_NAME_BYTES)]);
    Refusal(format!(
        "expected at most {MAX_STRING_BYTES} bytes for {key}=value and its end, found a value of {} bytes; put it into a file and set its path",
        value.len()
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_defect_has_its_sentence() {
        for (value, reason) in [
            (&b"0123456789\xff"[..], "a byte that is none at 10"),
            (b"0123456\x0089", "found one at byte 7"),
            (b"\0", "found one at byte 0"),
            ("ä\0".as_bytes(), "found one at byte 2"),
        ] {
            let refusal = check(b"K", value).unwrap_err().to_string();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }

    #[test]
    fn the_longest_value_is_what_execve_takes() {
        let longest = vec![b'x'; MAX_STRING_BYTES - 5];
        assert_eq!(check(b"KEY", &longest), Ok(()));
        let refusal = check(b"KEYS", &longest).unwrap_err().to_string();
        assert!(
            refusal.contains("found a value of 131067 bytes"),
            "{refusal}"
        );
    }

    proptest! {
        #[test]
        fn the_fast_check_agrees_with_the_plain_one(value in proptest::collection::vec(prop_oneof![8 => 1..0x80u8, 1 => any::<u8>()], 0..40)) {
            let good = std::str::from_utf8(&value).is_ok() && !value.contains(&0);
            prop_assert_eq!(check(b"K", &value).is_ok(), good);
        }
    }
}
