//! By what a workspace's token is recognised without being kept.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a workspace's token. A token is 256 random bits, so a plain hash of it cannot be reversed by guessing.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `token`, as text.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether this is the hash of `token`, in a time that does not depend on the answer.
    #[must_use]
    pub fn matches(&self, token: &str) -> bool {
        *self == Self::of(token)
    }

    /// A hash as it is kept in the file.
    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// As it is kept in the file.
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In a time that does not depend on the answer.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_matches() {
        let hash = TokenHash::of("token");
        assert!(hash.matches("token"));
        assert!(!hash.matches("Token"));
        assert!(!hash.matches(""));
        assert_eq!(
            hash.bytes()[..4],
            [0x3c, 0x46, 0x9e, 0x9d],
            "it is SHA-256, for ever"
        );
    }
}
