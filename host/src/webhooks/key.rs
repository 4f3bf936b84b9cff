//! Signatures as the Standard Webhooks specification wants them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use zeroize::Zeroizing;

/// What keys begin with.
const PREFIX: &str = "whsec_";
/// How many bytes a key may have.
const LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// A key to sign with, which the receiver has, too.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Zeroizing<Vec<u8>>);

/// Text that is no key. Shows no part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `{PREFIX}` and 24 to 64 bytes in base64, found {0}: make one with `echo {PREFIX}$(openssl rand -base64 32)`"
)]
pub struct BadKey(&'static str);

impl SigningKey {
    /// The key that this text spells.
    ///
    /// # Errors
    /// When it spells none.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let base64 = text.strip_prefix(PREFIX);
        let base64 = base64.ok_or(BadKey("another beginning"))?;
        let bytes = STANDARD.decode(base64).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| BadKey("something that is no base64 behind it"))?;
        if LENGTH.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(BadKey("another number of bytes"))
        }
    }

    /// The signature of a message of this id that is sent at this time, in seconds since the Unix epoch.
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut signed = hmac::Context::with_key(&key);
        signed.update(format!("{id}.{timestamp}.").as_bytes());
        signed.update(body);
        format!("v1,{}", STANDARD.encode(signed.sign()))
    }
}

/// The signatures by all of these keys, as one header.
pub(super) fn signatures(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<_> = keys
        .iter()
        .map(|key| key.sign(id, timestamp, body))
        .collect();
    signatures.join(" ")
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_has_its_signature() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = signatures(
            std::slice::from_ref(&key),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for wrong in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsec_?",
        ] {
            let error = SigningKey::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("openssl rand"), "{error}");
            assert!(!error.contains("c2hv"), "{error}");
        }
        let long = format!("whsec_{}", STANDARD.encode([0; 65]));
        assert!(SigningKey::parse(&long).is_err());
    }
}
