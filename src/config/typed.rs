//! From TOML to the typed configuration; for a value of the wrong type which key it is of, and no word of one that may be a secret.

use std::ops::Range;

use serde::Deserializer;

use super::{
    ConfigError,
    keys::{self, Key},
    schema::Config,
};

/// A value that its key cannot have.
pub(super) struct Mismatch {
    /// The key, as the table of keys knows it.
    pub(super) key: String,
    /// What is wrong with its value.
    problem: Problem,
    /// Where it is in the text, if there is one.
    pub(super) span: Option<Range<usize>>,
}

/// What is wrong with a value.
enum Problem {
    /// In the words of the parser, which may repeat the value.
    Told(String),
    /// Of one that may be a secret: what was expected.
    Hidden(&'static str),
}

impl Mismatch {
    /// The same as an error about this place.
    pub(super) fn told(self, place: String) -> ConfigError {
        let key = self.key;
        match self.problem {
            Problem::Told(message) => ConfigError::Mismatch {
                place,
                key,
                message,
            },
            Problem::Hidden(expected) => ConfigError::WrongValue {
                place,
                key,
                expected,
            },
        }
    }
}

/// The configuration that this describes.
pub(super) fn config<'de, D>(source: D) -> Result<Config, Mismatch>
where
    D: Deserializer<'de, Error = toml::de::Error>,
{
    serde_path_to_error::deserialize(source).map_err(|error| {
        let path = error.path().to_string();
        let (key, known) = known(&path);
        let problem = match known {
            Some(key) if !key.kind.is_hidden() => Problem::Told(error.inner().message().to_owned()),
            Some(key) => Problem::Hidden(key.kind.expected()),
            None => Problem::Hidden("another value"),
        };
        Mismatch {
            key: key.to_owned(),
            problem,
            span: error.inner().span(),
        }
    })
}

/// The key that a path such as `workspace.env.NAME` or `git.hosts[0]` leads into; the whole path if there is none.
fn known(path: &str) -> (&str, Option<&'static Key>) {
    let ends = path.match_indices(['.', '[']).map(|(end, _)| end);
    ends.chain([path.len()])
        .map(|end| &path[..end])
        .find_map(|name| keys::find(name).map(|key| (name, Some(key))))
        .unwrap_or((path, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_into_the_key_that_it_begins_with() {
        let name = |path| {
            let (name, key) = known(path);
            (name.to_owned(), key.map(|key| key.name))
        };
        let found = |name: &str, key| (name.to_owned(), Some(key));
        assert_eq!(name("listen"), found("listen", "listen"));
        assert_eq!(name("git.hosts[3]"), found("git.hosts", "git.hosts"));
        assert_eq!(
            name("workspace.env.A.B"),
            found("workspace.env", "workspace.env")
        );
        assert_eq!(
            name("webhook.ci.url"),
            found("webhook.ci.url", "webhook.*.url")
        );
        assert_eq!(name("nowhere.at.all"), ("nowhere.at.all".to_owned(), None));
    }
}
