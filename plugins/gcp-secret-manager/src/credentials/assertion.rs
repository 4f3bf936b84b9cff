//! A service account's assertion: RS256, for an hour.

use std::fmt;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::json;
use zeroize::Zeroizing;

use super::SCOPE;

/// Google allows an hour; a little less leaves room for clocks.
const LIVES_FOR: i64 = 3500;
const ISSUED_AGO: i64 = 30;

/// A service account's key. `Debug` shows no part of it.
pub(super) struct AccountKey {
    pair: RsaKeyPair,
    id: Option<String>,
}

impl AccountKey {
    /// Reads the PEM text that Google hands out: PKCS#8, not encrypted.
    ///
    /// # Errors
    /// A `config` fault that holds none of the text.
    pub(super) fn parse(pem: &str, id: Option<String>) -> Result<Self, Fault> {
        let expected = |found: &str| {
            Fault::config(format!(
                "expected a private key in PEM form (BEGIN PRIVATE KEY) in \"private_key\" of the credentials, found {found}; download the key anew"
            ))
        };
        let body = pem
            .split_once("-----BEGIN PRIVATE KEY-----")
            .and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"));
        let (body, _) = body.ok_or_else(|| expected("none"))?;
        let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = STANDARD
            .decode(body.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| expected("one whose base64 is damaged"))?;
        let pair = RsaKeyPair::from_pkcs8(&der)
            .map_err(|rejected| expected(&format!("one that cannot be used ({rejected})")))?;
        Ok(Self { pair, id })
    }

    /// What opens the token endpoint to the account; `now` is by the endpoint's clock.
    ///
    /// # Errors
    /// An `internal` fault when the machine has no randomness to blind the computation with.
    pub(super) fn assertion(
        &self,
        email: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<Zeroizing<String>, Fault> {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = &self.id {
            header["kid"] = json!(id);
        }
        let issued = now.as_second() - ISSUED_AGO;
        let claims = json!({ "iss": email, "scope": SCOPE, "aud": audience, "iat": issued, "exp": issued + LIVES_FOR });
        let mut jwt = Zeroizing::new(String::with_capacity(1024));
        URL_SAFE_NO_PAD.encode_string(header.to_string(), &mut jwt);
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut jwt);
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                jwt.as_bytes(),
                &mut signature,
            )
            .map_err(|_| Fault::internal("cannot sign with the service account's key"))?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(jwt)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_none_are_not_repeated() {
        for pem in [
            "hunter2",
            "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----",
        ] {
            let fault = AccountKey::parse(pem, None).unwrap_err();
            assert!(
                fault.message().contains("expected a private key")
                    && !fault.message().contains("hunter2"),
                "{fault}"
            );
        }
    }
}
