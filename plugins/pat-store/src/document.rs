//! What a store says: secrets by name, and why some are missing. Read from a file, in the JSON of the store's contract or in flat TOML.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

/// How the content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Toml,
}

/// One secret.
#[derive(Deserialize)]
pub(crate) struct Entry {
    pub(crate) value: Zeroizing<String>,
    #[serde(default)]
    pub(crate) username: Option<String>,
    #[serde(default)]
    pub(crate) host: Option<String>,
    #[serde(default)]
    pub(crate) expires_at: Option<Timestamp>,
}

impl Entry {
    /// A value that nothing else is known of.
    pub(crate) fn plain(value: Zeroizing<String>) -> Self {
        Self {
            value,
            username: None,
            host: None,
            expires_at: None,
        }
    }
}

/// Secrets by name.
pub(crate) type Secrets = BTreeMap<String, Entry>;

/// Why a secret is not there.
pub(crate) enum Lack {
    NotFound,
    Denied,
    /// It is there in a way that cannot be used; says how, and what to do.
    Unusable(String),
}

/// All that a store says.
#[derive(Default)]
pub(crate) struct Document {
    pub(crate) secrets: Secrets,
    /// Of the secrets that were asked for.
    pub(crate) lacks: BTreeMap<String, Lack>,
    /// What the store calls this state of it.
    pub(crate) etag: Option<String>,
}

impl Document {
    /// Notes what came of asking for a plain value.
    pub(crate) fn add(&mut self, name: &str, found: Result<Zeroizing<String>, Lack>) {
        match found {
            Ok(value) => drop(self.secrets.insert(name.to_owned(), Entry::plain(value))),
            Err(lack) => drop(self.lacks.insert(name.to_owned(), lack)),
        }
    }
}

#[derive(Deserialize)]
struct File {
    secrets: Secrets,
}

/// Reads the content. An error gives the place, never the text: it is made of secrets.
pub(crate) fn parse(text: &str, format: Format) -> Result<Secrets, String> {
    match format {
        Format::Json => serde_json::from_str::<File>(text).map(|file| file.secrets).map_err(|error| {
            format!(
                "expected {{\"secrets\": {{\"NAME\": {{\"value\": \"…\"}}}}}}, found something else at line {}, column {}",
                error.line(),
                error.column()
            )
        }),
        Format::Toml => {
            let values: BTreeMap<String, Zeroizing<String>> = toml::from_str(text).map_err(|error| {
                let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count()) + 1;
                format!("expected lines of NAME = \"value\", found something else at line {line}")
            })?;
            Ok(values.into_iter().map(|(name, value)| (name, Entry::plain(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        let json = r#"{"secrets":{"BOT":{"value":"v","username":"u","host":"github.com","expires_at":"2030-01-01T00:00:00Z","version":"3"}},"errors":{}}"#;
        let secrets = parse(json, Format::Json).unwrap();
        assert_eq!(secrets["BOT"].value.as_str(), "v");
        assert_eq!(secrets["BOT"].host.as_deref(), Some("github.com"));
        assert_eq!(
            parse("BOT = \"v\"\n", Format::Toml).unwrap()["BOT"]
                .value
                .as_str(),
            "v"
        );
    }

    #[test]
    fn an_error_gives_the_line_and_no_content() {
        for (text, format) in [
            ("{\"secrets\":{\n\"A\":{\"value\":hunter2}}}", Format::Json),
            ("A = \"x\"\nB = hunter2", Format::Toml),
        ] {
            let Err(error) = parse(text, format) else {
                panic!("accepted {text}")
            };
            assert!(
                error.contains("line 2") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
