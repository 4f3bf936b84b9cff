//! The name of a workspace: it is a directory name, a container name and a URL segment, so it is checked once, here.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest id, in bytes: what a DNS label, and so a Kubernetes name, can hold.
const MAX_LEN: usize = 63;

/// A checked workspace id: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkspaceId(
    /// INVARIANT: matches `[a-z0-9][a-z0-9-]{0,62}`, so it can be joined to a path and put into a URL as it is.
    String,
);

impl WorkspaceId {
    /// A new random id: `ws-` and 16 lower-case hex digits.
    ///
    /// # Errors
    /// The operating system has no random bytes to give.
    pub fn generate() -> Result<Self, WorkspaceIdError> {
        let number = getrandom::u64().map_err(|source| WorkspaceIdError {
            kind: WorkspaceIdErrorKind::NoRandomness,
            source: Some(source),
        })?;
        Ok(Self(format!("ws-{number:016x}")))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl WorkspaceId {
    pub(crate) fn schema() -> Schema {
        let pattern = format!("^[a-z0-9][a-z0-9-]{{0,{}}}$", MAX_LEN - 1);
        json_schema!({"type": "string", "pattern": pattern})
    }
}

impl JsonSchema for WorkspaceId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "WorkspaceId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Self::schema()
    }
}

impl FromStr for WorkspaceId {
    type Err = WorkspaceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for WorkspaceId {
    type Error = WorkspaceIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match fault(&text) {
            None => Ok(Self(text)),
            Some(kind) => Err(WorkspaceIdError { kind, source: None }),
        }
    }
}

impl From<WorkspaceId> for String {
    fn from(id: WorkspaceId) -> Self {
        id.0
    }
}

impl AsRef<str> for WorkspaceId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no workspace id, or why none could be made.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct WorkspaceIdError {
    /// What is wrong.
    pub kind: WorkspaceIdErrorKind,
    source: Option<getrandom::Error>,
}

/// What is wrong with a workspace id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceIdErrorKind {
    /// Nothing was given.
    #[error(
        "expected a workspace id of 1 to {MAX_LEN} characters, found an empty text: name the workspace"
    )]
    Empty,
    /// Too many bytes.
    #[error("expected a workspace id of at most {MAX_LEN} characters, found {found}: shorten it")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A character that has no place there.
    #[error(
        "expected a workspace id of lower-case letters, digits and inner hyphens, starting with a letter or digit, \
         found {found:?} at position {position}: rename the workspace"
    )]
    Character {
        /// The character.
        found: char,
        /// Where it stands, counted in characters from 1.
        position: usize,
    },
    /// The system's random number generator failed.
    #[error(
        "expected random bytes for a workspace id, found none: check the system's random number generator"
    )]
    NoRandomness,
}

fn fault(text: &str) -> Option<WorkspaceIdErrorKind> {
    if text.is_empty() {
        return Some(WorkspaceIdErrorKind::Empty);
    }
    let bad = |(index, c): &(usize, char)| {
        !(c.is_ascii_lowercase() || c.is_ascii_digit() || (*c == '-' && *index > 0))
    };
    if let Some((index, found)) = text.chars().enumerate().find(bad) {
        return Some(WorkspaceIdErrorKind::Character {
            found,
            position: index + 1,
        });
    }
    (text.len() > MAX_LEN).then_some(WorkspaceIdErrorKind::TooLong { found: text.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> WorkspaceIdErrorKind {
        text.parse::<WorkspaceId>().unwrap_err().kind
    }

    #[test]
    fn good_ids_are_kept_as_they_are() {
        for text in ["a", "0", "ws-1", "a--b", "a-", &"x".repeat(63)] {
            assert_eq!(text.parse::<WorkspaceId>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn bad_ids_are_refused_by_kind() {
        assert_eq!(kind(""), WorkspaceIdErrorKind::Empty);
        assert_eq!(
            kind(&"x".repeat(64)),
            WorkspaceIdErrorKind::TooLong { found: 64 }
        );
        for (text, found, position) in [
            ("-a", '-', 1),
            ("aB", 'B', 2),
            ("../x", '.', 1),
            ("a/b", '/', 2),
            ("a\0", '\0', 2),
            ("aé", 'é', 2),
            ("a\n", '\n', 2),
        ] {
            assert_eq!(
                kind(text),
                WorkspaceIdErrorKind::Character { found, position },
                "{text:?}"
            );
        }
    }

    #[test]
    fn generated_ids_are_valid_and_differ() {
        let (one, two) = (
            WorkspaceId::generate().unwrap(),
            WorkspaceId::generate().unwrap(),
        );
        assert_ne!(one, two);
        assert_eq!(one.as_str().len(), "ws-".len() + 16);
        assert_eq!(one.as_str().parse::<WorkspaceId>().unwrap(), one);
    }

    #[test]
    fn json_is_checked_too() {
        assert_eq!(
            serde_json::to_string(&"a-1".parse::<WorkspaceId>().unwrap()).unwrap(),
            r#""a-1""#
        );
        assert!(serde_json::from_str::<WorkspaceId>(r#""../etc""#).is_err());
    }
}
