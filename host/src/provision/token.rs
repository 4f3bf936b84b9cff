//! The token of one workspace: 256 random bits, of which the platform keeps only the hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{secret::Secret, store::TokenHash};

/// What every workspace token starts with, so that people and secret scanners know one when they see it.
pub const PREFIX: &str = "phw_";

/// A new workspace token. It is shown to its workspace and to nobody after that.
#[derive(Clone, Debug)]
pub struct WorkspaceToken(Secret);

impl WorkspaceToken {
    /// Draws a token.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bits = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *bits)?;
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 43));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(*bits, &mut text);
        Ok(Self(Secret::new(text.as_str())))
    }

    /// The token itself.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// What the platform keeps of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_of_url_safe_text_behind_its_prefix() {
        let token = WorkspaceToken::generate().unwrap();
        let text = token.secret().expose();
        assert_eq!(text.len(), 4 + 43);
        assert!(text.starts_with(PREFIX));
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'),
            "{text}"
        );
        assert_ne!(text, WorkspaceToken::generate().unwrap().secret().expose());
        assert!(!format!("{token:?}").contains(text));
    }
}
