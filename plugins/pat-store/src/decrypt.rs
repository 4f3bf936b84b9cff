//! Opens `.age` files.

use std::str::FromStr as _;

use age::{DecryptError, x25519::Identity};
use zeroize::Zeroizing;

/// Opens a file that was encrypted to the public key of `identity`. An error shows nothing of either.
pub(crate) fn open(bytes: &[u8], identity: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let line = identity
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    let identity = line.and_then(|line| Identity::from_str(line).ok()).ok_or(
        "`identity`: expected an x25519 identity (AGE-SECRET-KEY-1…), found something else; make one with `age-keygen`",
    )?;
    age::decrypt(&identity, bytes).map(Zeroizing::new).map_err(|error| {
        if matches!(error, DecryptError::NoMatchingKeys) {
            "expected a file for this identity, found one for another recipient; encrypt it to the public key of `identity`".to_owned()
        } else {
            format!("expected an age file, found one that does not open: {error}")
        }
    })
}
