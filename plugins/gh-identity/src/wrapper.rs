//! The `gh` wrapper, as a file and as the variables carry it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// Where it goes beneath the home of a workspace; the platform puts that directory in front of `PATH`.
pub(crate) const PLACE: &str = ".local/bin/gh";

pub(crate) const SCRIPT: &str = include_str!("../wrapper/gh");

/// How much of the digest is enough to tell one wrapper from another, in hex digits.
const DIGEST_LENGTH: usize = 12;

/// The script in base64, for an image that decodes it into `/usr/local/bin/gh`.
pub(crate) fn base64() -> String {
    STANDARD.encode(SCRIPT)
}

/// The first digits of its SHA-256, so that an image sees whether it has this wrapper already.
pub(crate) fn short_digest() -> String {
    let digest = Sha256::digest(SCRIPT);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex[..DIGEST_LENGTH].to_owned()
}
