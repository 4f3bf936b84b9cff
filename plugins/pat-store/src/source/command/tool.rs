//! What differs from tool to tool: how it is asked, what of its output is the secret, and what its complaints mean.

use zeroize::Zeroizing;

use crate::config::Kind;

/// What a complaint means. The texts are ours.
pub(super) enum Meaning {
    NotFound,
    /// The operator must mend this.
    Credentials(&'static str),
    /// This may pass.
    Upstream(&'static str),
    Unknown,
}

/// Phrases of the tools, in lower case, and what they mean.
const PASS: &[(&str, Meaning)] = &[
    ("is not in the password store", Meaning::NotFound),
    ("not found in the password store", Meaning::NotFound),
    (
        "no secret key",
        Meaning::Credentials(
            "it has no secret key that opens the store; set GNUPGHOME, and import the key there",
        ),
    ),
    (
        "pinentry",
        Meaning::Credentials(
            "gpg asks for a passphrase, and there is nobody to answer; use a key without one, or preset it in gpg-agent",
        ),
    ),
    (
        "inappropriate ioctl",
        Meaning::Credentials(
            "gpg asks for a passphrase, and there is nobody to answer; use a key without one, or preset it in gpg-agent",
        ),
    ),
    (
        "password store is empty",
        Meaning::Credentials("it finds no store; set PASSWORD_STORE_DIR, or HOME"),
    ),
];

const GOPASS: &[(&str, Meaning)] = &[
    ("entry is not in the password store", Meaning::NotFound),
    ("not found", Meaning::NotFound),
    (
        "no secret key",
        Meaning::Credentials(
            "it has no secret key that opens the store; set GNUPGHOME, and import the key there",
        ),
    ),
    (
        "not initialized",
        Meaning::Credentials("its store is not initialised; set HOME, or PASSWORD_STORE_DIR"),
    ),
];

const OP: &[(&str, Meaning)] = &[
    ("isn't an item", Meaning::NotFound),
    ("isn't a vault", Meaning::NotFound),
    ("does not have a field", Meaning::NotFound),
    (
        "too many requests",
        Meaning::Upstream("1Password wants to be asked less often"),
    ),
    (
        "rate limit",
        Meaning::Upstream("1Password wants to be asked less often"),
    ),
    (
        "not currently signed in",
        Meaning::Credentials("it is not signed in; set OP_SERVICE_ACCOUNT_TOKEN under `env`"),
    ),
    (
        "no accounts configured",
        Meaning::Credentials("it has no account; set OP_SERVICE_ACCOUNT_TOKEN under `env`"),
    ),
    (
        "unauthorized",
        Meaning::Credentials(
            "1Password does not accept the service account's token; make a new one",
        ),
    ),
    (
        "service account deleted",
        Meaning::Credentials("the service account is gone; make a new one"),
    ),
    (
        "deserialize service account",
        Meaning::Credentials(
            "OP_SERVICE_ACCOUNT_TOKEN is no service account's token; copy the whole of it",
        ),
    ),
];

const BWS: &[(&str, Meaning)] = &[
    (
        "missing access token",
        Meaning::Credentials("it has no access token; set BWS_ACCESS_TOKEN under `env`"),
    ),
    (
        "access token is not in a valid format",
        Meaning::Credentials("BWS_ACCESS_TOKEN is no access token; copy the whole of it"),
    ),
    (
        "invalid_client",
        Meaning::Credentials("Bitwarden does not accept the access token; make a new one"),
    ),
    (
        "401 unauthorized",
        Meaning::Credentials("Bitwarden does not accept the access token; make a new one"),
    ),
    (
        "429 too many requests",
        Meaning::Upstream("Bitwarden wants to be asked less often"),
    ),
    (
        "404 not found",
        Meaning::Credentials(
            "Bitwarden knows no such project, or the access token may not see it; correct `project_id`",
        ),
    ),
];

impl Kind {
    /// The program's usual name.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Gopass => "gopass",
            Self::Op => "op",
            Self::Bws => "bws",
        }
    }

    /// Whether it works without a network, so that whatever fails is the operator's to mend.
    pub(super) fn is_local(self) -> bool {
        matches!(self, Self::Pass | Self::Gopass)
    }

    /// How it is asked for one secret.
    pub(super) fn show(self, name: &str) -> Vec<&str> {
        match self {
            Self::Pass => vec!["show", name],
            Self::Gopass => vec!["show", "--password", name],
            Self::Op => vec!["read", "--no-newline", name],
            Self::Bws => vec!["secret", "get", name],
        }
    }

    /// The secret in what it printed: for `pass` and `gopass` the first line, for `op` all of it.
    pub(super) fn secret(self, printed: &[u8]) -> Option<Zeroizing<String>> {
        let text = std::str::from_utf8(printed).ok()?;
        let secret = match self {
            Self::Pass | Self::Gopass => text.lines().next().unwrap_or_default(),
            Self::Op | Self::Bws => text,
        };
        (!secret.is_empty() && !secret.contains('\0')).then(|| Zeroizing::new(secret.to_owned()))
    }

    /// What a complaint means.
    pub(super) fn meaning(self, complaint: &[u8]) -> Meaning {
        let phrases = match self {
            Self::Pass => PASS,
            Self::Gopass => GOPASS,
            Self::Op => OP,
            Self::Bws => BWS,
        };
        let complaint = Zeroizing::new(String::from_utf8_lossy(complaint).to_lowercase());
        let known = phrases
            .iter()
            .find(|(phrase, _)| complaint.contains(phrase));
        known.map_or(Meaning::Unknown, |(_, meaning)| match meaning {
            Meaning::NotFound => Meaning::NotFound,
            Meaning::Credentials(what) => Meaning::Credentials(what),
            Meaning::Upstream(what) => Meaning::Upstream(what),
            Meaning::Unknown => Meaning::Unknown,
        })
    }
}

/// How `bws` is asked for all secrets.
pub(super) fn list(project_id: Option<&str>) -> Vec<&str> {
    let mut arguments = vec!["--output", "json", "--color", "no", "secret", "list"];
    arguments.extend(project_id);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_the_first_line_or_all() {
        let printed = b"hunter2\nuser: me\n";
        assert_eq!(Kind::Pass.secret(printed).unwrap().as_str(), "hunter2");
        assert_eq!(
            Kind::Op.secret(b"two\nlines").unwrap().as_str(),
            "two\nlines"
        );
        for printed in [&b"\nuser: me"[..], b"", b"\xff"] {
            assert!(Kind::Gopass.secret(printed).is_none());
        }
    }

    #[test]
    fn complaints_mean_what_they_mean() {
        assert!(matches!(
            Kind::Pass.meaning(b"Error: npm is not in the password store."),
            Meaning::NotFound
        ));
        assert!(matches!(
            Kind::Pass.meaning(b"gpg: decryption failed: No secret key"),
            Meaning::Credentials(_)
        ));
        assert!(matches!(
            Kind::Op.meaning(b"[ERROR] Too many requests"),
            Meaning::Upstream(_)
        ));
        assert!(matches!(Kind::Bws.meaning(b"whatever"), Meaning::Unknown));
    }
}
