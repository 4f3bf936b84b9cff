//! What can be wrong with the configuration.

use std::{io, path::PathBuf};

use provisionhook_host::http::{AuthError, TlsError};

/// A configuration that cannot be used. Never holds a value that may be a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read the configuration file {}: create it, or name another with --config", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{place}: {message}")]
    Malformed { place: String, message: String },
    #[error("{place}: `{key}`: {message}")]
    Mismatch {
        place: String,
        key: String,
        message: String,
    },
    #[error("{place}: unknown key `{key}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_else(|| "; `provisionhook doctor --keys` lists them all".to_owned()))]
    UnknownKey {
        place: String,
        key: String,
        suggestion: Option<String>,
    },
    #[error(
        "environment: expected `{key}` in the configuration file, because it is a table, found {variable}; set it there"
    )]
    OnlyInFile { variable: String, key: String },
    #[error("{place}: `{key}` expects {expected}")]
    WrongValue {
        place: String,
        key: String,
        expected: &'static str,
    },
    #[error("`{key}`: {problem}; {remedy}")]
    Unusable {
        key: &'static str,
        problem: String,
        remedy: &'static str,
    },
    #[error("`{key}`: {problem}; {remedy}")]
    NoSecret {
        key: String,
        problem: String,
        remedy: &'static str,
    },
    #[error("`{key}`: {problem}")]
    Webhook { key: String, problem: String },
    #[error("`{key}`: {error}")]
    Access { key: String, error: AuthError },
    #[error("`tls`")]
    Tls(#[source] TlsError),
}
