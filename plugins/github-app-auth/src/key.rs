//! The App's private key: told apart from everything that operators paste in its place, and parsed once.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use zeroize::Zeroizing;

use provisionhook_plugin_abi::sdk::Fault;

const PKCS1: &str = "RSA PRIVATE KEY";
const PKCS8: &str = "PRIVATE KEY";

/// The App's RSA key. `Debug` shows no part of it.
pub struct AppKey {
    pair: RsaKeyPair,
    random: SystemRandom,
}

impl AppKey {
    /// Reads PEM text in PKCS#1 (as GitHub hands it out) or PKCS#8.
    ///
    /// # Errors
    /// A `config` fault that says what the text is instead, and never holds any of it.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let block = Block::first_in(text).ok_or_else(|| expected_key(without_pem(text)))?;
        if block.is_encrypted() {
            return Err(expected_key(
                "an encrypted key; decrypt it with `openssl rsa -in KEY -out NEW`",
            ));
        }
        if block.label != PKCS1 && block.label != PKCS8 {
            return Err(expected_key(known_label(block.label)));
        }
        let der = block
            .der()
            .ok_or_else(|| expected_key("a key whose base64 is damaged; copy the file again"))?;
        let pair = if block.label == PKCS1 {
            RsaKeyPair::from_der(&der)
        } else {
            RsaKeyPair::from_pkcs8(&der)
        };
        let pair = pair.map_err(|rejected| {
            expected_key(&format!(
                "a key that cannot be used ({rejected}); an RSA key of 2048 to 4096 bits is needed"
            ))
        })?;
        Ok(Self {
            pair,
            random: SystemRandom::new(),
        })
    }

    /// The RS256 signature (RSASSA-PKCS1-v1_5 with SHA-256) of `message`. About a millisecond of work.
    ///
    /// # Errors
    /// An `internal` fault when the machine has no randomness to blind the computation with.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
            .map_err(|_| Fault::internal("cannot sign with the App's private key"))?;
        Ok(signature)
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey([redacted])")
    }
}

/// A PEM block: what stands between its `BEGIN` and its `END`.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

impl<'a> Block<'a> {
    fn first_in(text: &'a str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN ")?;
        let (label, rest) = rest.split_once("-----")?;
        let (body, _) = rest.split_once("-----END ")?;
        Some(Self { label, body })
    }

    fn is_encrypted(&self) -> bool {
        self.label == "ENCRYPTED PRIVATE KEY" || self.body.contains("ENCRYPTED")
    }

    fn der(&self) -> Option<Zeroizing<Vec<u8>>> {
        let base64: Zeroizing<String> = Zeroizing::new(self.body.split_whitespace().collect());
        STANDARD.decode(base64.as_bytes()).ok().map(Zeroizing::new)
    }
}

fn expected_key(found: &str) -> Fault {
    Fault::config(format!(
        "/private_key: expected an RSA private key in PEM form (BEGIN RSA PRIVATE KEY or BEGIN PRIVATE KEY), found {found}; \
         the App's settings page on GitHub makes a new one under \"Private keys\""
    ))
}

/// Names a block by its label. The label itself is not repeated: nobody knows what it holds.
fn known_label(label: &str) -> &'static str {
    match label {
        "OPENSSH PRIVATE KEY" => "an OpenSSH key",
        "PUBLIC KEY" | "RSA PUBLIC KEY" => "a public key",
        "CERTIFICATE" => "a certificate",
        "EC PRIVATE KEY" => "an elliptic-curve key",
        "DSA PRIVATE KEY" => "a DSA key",
        _ => "a PEM block of another kind",
    }
}

/// Names a text that holds no PEM block.
fn without_pem(text: &str) -> &'static str {
    let text = text.trim();
    let one_line = !text.contains('\n');
    match text {
        "" => "an empty text",
        _ if text.starts_with("-----BEGIN ") && one_line && text.contains("\\n") => {
            "PEM whose line ends are the two characters \\ and n; write real line ends"
        }
        _ if text.starts_with("-----BEGIN ") => "PEM without its END line; the file was cut off",
        _ if text.starts_with("ssh-") => "an OpenSSH public key",
        _ if text.starts_with("LS0tLS1CRUdJTi") => {
            "PEM encoded in base64 once more; decode it with `base64 -d`"
        }
        _ if one_line && (text.starts_with(['/', '~', '.']) || text.ends_with(".pem")) => {
            "the path of a file; write {\"$file\": \"PATH\"} to have it read"
        }
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use provisionhook_plugin_abi::wire::FaultKind;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    const KEY: &str = include_str!("../../../tests/github-server/keys/app.private-key.pem");
    const KEY_PKCS8: &str = include_str!("../../../tests/github-server/keys/app.pkcs8.pem");
    const PUBLIC: &str = include_str!("../../../tests/github-server/keys/app.public.pem");

    fn refusal(text: &str) -> String {
        let fault = AppKey::parse(text).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::CONFIG);
        fault.message().to_owned()
    }

    fn relabelled(label: &str) -> String {
        KEY.replace(PKCS1, label)
    }

    #[test]
    fn both_forms_are_the_same_key() {
        let signatures = [
            KEY,
            KEY_PKCS8,
            &KEY.replace('\n', "\r\n"),
            &format!("note\n{KEY}\n\n"),
        ]
        .map(|text| AppKey::parse(text).unwrap().sign(b"message").unwrap());
        assert!(
            signatures
                .iter()
                .all(|signature| *signature == signatures[0])
        );
        let public = AppKey::parse(KEY).unwrap().pair.public().as_ref().to_vec();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        public.verify(b"message", &signatures[0]).unwrap();
        public.verify(b"another", &signatures[0]).unwrap_err();
    }

    #[test]
    fn whatever_else_is_pasted_is_named() {
        let expectations = [
            (String::new(), "an empty text"),
            (relabelled("OPENSSH PRIVATE KEY"), "an OpenSSH key"),
            (PUBLIC.to_owned(), "a public key"),
            (relabelled("CERTIFICATE"), "a certificate"),
            (relabelled("EC PRIVATE KEY"), "an elliptic-curve key"),
            (relabelled("ENCRYPTED PRIVATE KEY"), "an encrypted key"),
            (
                KEY.replacen(
                    "-----\n",
                    "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n",
                    1,
                ),
                "an encrypted key",
            ),
            (relabelled("SPECIAL KEY"), "a PEM block of another kind"),
            (relabelled(PKCS8), "a key that cannot be used"),
            (KEY.replace("MII", "!!!"), "base64 is damaged"),
            (
                KEY.trim_end().replace('\n', "\\n").replace("-----END", ""),
                "the two characters",
            ),
            (KEY[..400].to_owned(), "cut off"),
            (
                "ssh-rsa AAAAB3NzaC1yc2E= me".to_owned(),
                "an OpenSSH public key",
            ),
            (STANDARD.encode(KEY), "base64 once more"),
            ("/etc/keys/app.pem".to_owned(), "the path of a file"),
            ("hunter2".to_owned(), "something else"),
        ];
        for (text, expected) in expectations {
            let message = refusal(&text);
            assert!(message.contains(expected), "{expected}: {message}");
        }
    }

    #[test]
    fn no_refusal_repeats_the_key() {
        let secret = KEY.lines().nth(3).unwrap();
        for text in [
            relabelled("OPENSSH PRIVATE KEY"),
            relabelled(PKCS8),
            KEY[..400].to_owned(),
        ] {
            assert!(!refusal(&text).contains(&secret[..12]));
        }
        let key = AppKey::parse(KEY).unwrap();
        assert_eq!(format!("{key:?}"), "AppKey([redacted])");
    }
}
