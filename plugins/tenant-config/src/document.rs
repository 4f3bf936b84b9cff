//! What one file says.
//!
//! Read by hand from the parsed TOML and not through `serde`, which stops at the first thing that is wrong: an operator is told
//! all of them, each with its line.

mod reader;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::reader::Reader;
use crate::entry::{Entry, Source};

/// Entries by variable.
pub(crate) type Entries = BTreeMap<String, Entry>;

/// One file.
#[derive(Default)]
pub(crate) struct Document {
    /// For every workspace that the file is for.
    pub(crate) entries: Entries,
    /// For those with certain labels, in the order of the file.
    pub(crate) when: Vec<When>,
    /// What an operator should know and what keeps nothing from working.
    pub(crate) warnings: Vec<String>,
}

/// A `[[when]]` block.
pub(crate) struct When {
    /// All of them must be there, with these values.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) entries: Entries,
}

impl Document {
    /// Reads a text; `file` is its name in messages.
    ///
    /// # Errors
    /// All that is wrong, each with its place. Shows no values.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, Vec<String>> {
        let mut reader = Reader::new(text, Arc::from(file));
        let document = reader.document();
        if reader.problems.is_empty() {
            Ok(document)
        } else {
            Err(reader.problems)
        }
    }

    /// Every entry, those of `[[when]]` blocks too.
    pub(crate) fn all_entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let blocks = self.when.iter().map(|when| &when.entries);
        [&self.entries]
            .into_iter()
            .chain(blocks)
            .flatten()
            .map(|(name, entry)| (name.as_str(), entry))
    }

    /// The variables that it calls secret.
    pub(crate) fn secrets(&self) -> BTreeSet<&str> {
        self.all_entries()
            .filter(|(_, entry)| entry.secret == Some(true))
            .map(|(name, _)| name)
            .collect()
    }

    /// Values of secrets that stand in this file, although others than the platform may read it.
    pub(crate) fn exposed(&self, also_secret: &BTreeSet<&str>) -> Vec<String> {
        let own = self.secrets();
        let is_exposed = |(name, entry): &(&str, &Entry)| {
            matches!(entry.source, Some(Source::Value(_)))
                && entry.secret != Some(false)
                && (own.contains(name) || also_secret.contains(name))
        };
        self.all_entries()
            .filter(is_exposed)
            .map(|(name, entry)| {
                format!(
                    "{}: expected the value of {name}, which is secret, in a file that the platform alone may read, found one \
                     that others may read; run `chmod 600` on it, or write `secret = false`",
                    entry.place
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[env]
REGION = "eu"
APP_URL = { template = "https://{{ tenant }}.example.com" }
OLD = { unset = true }
DB_PASSWORD = { required = true, secret = true }

[env.LONG]
value = "a\nb"
override = true

[[when]]
labels = { team = "ml", tier = "1" }
env = { GPU = "1" }

[[when]]
labels.team = "web"
[when.env]
GPU = { unset = true }
"#;

    fn problems(text: &str) -> Vec<String> {
        Document::parse(text, "global.toml").err().unwrap()
    }

    #[test]
    fn reads_all_forms() {
        let document = Document::parse(GOOD, "global.toml").unwrap();
        let names: Vec<&str> = document.entries.keys().map(String::as_str).collect();
        assert_eq!(names, ["APP_URL", "DB_PASSWORD", "LONG", "OLD", "REGION"]);
        let password = &document.entries["DB_PASSWORD"];
        assert!(password.source.is_none() && password.required == Some(true));
        assert_eq!(password.place.to_string(), "global.toml:6");
        assert_eq!(document.entries["LONG"].overrides, Some(true));
        assert_eq!(document.when.len(), 2);
        assert_eq!(document.when[0].labels["tier"], "1");
        assert_eq!(document.when[1].entries["GPU"].place.line, 19);
        assert_eq!(document.warnings.len(), 1, "{:?}", document.warnings);
        assert!(document.warnings[0].starts_with("global.toml:9: LONG has a line break"));
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_line() {
        let text = r#"
REGION = "eu"
[env]
9A = "x"
PORT = 8080
NUL = "a\u0000s3cr3t"
BOTH = { value = "a", template = "b" }
TYPO = { vaule = "s3cr3t" }
BAD = { template = "{{ tenant | shout }}" }
NEVER = { unset = true, required = true }
OFF = { unset = false }
FLAG = { value = "a", secret = "yes" }
EMPTY = {}
[[when]]
env = { A = "1" }
[[when]]
labels = { n = 1 }
"#;
        let expected = [
            "global.toml:2: expected `env` or `when`, found `REGION`",
            "global.toml:4: expected a variable name",
            "global.toml:5: expected text or a table for PORT, found an integer",
            "global.toml:6: expected text without NUL for NUL",
            "global.toml:7: expected one of value, template and unset for BOTH",
            "global.toml:8: expected value, template, unset, required, secret or override, found `vaule`",
            "global.toml:9: expected a template",
            "global.toml:10: expected a variable that may be missing",
            "global.toml:11: expected unset = true for OFF",
            "global.toml:12: expected true or false for secret, found a string",
            "global.toml:13: expected value, template, unset, required, secret or override for EMPTY, found nothing",
            "global.toml:14: expected labels = { KEY = \"value\" }",
            "global.toml:17: expected text for the label n, found an integer",
        ];
        let found = problems(text);
        for start in expected {
            assert!(
                found.iter().any(|problem| problem.starts_with(start)),
                "{start}: {found:#?}"
            );
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        assert!(!found.join("").contains("s3cr3t"), "{found:#?}");
    }

    #[test]
    fn bad_syntax_has_its_line_and_shows_no_content() {
        let found = problems("[env]\nA = \"1\"\nB = s3cr3t\nC = \"x\nD = \"1\"\n");
        assert!(
            found[0].starts_with("global.toml:3: expected TOML"),
            "{found:#?}"
        );
        assert!(
            found
                .iter()
                .any(|problem| problem.starts_with("global.toml:4:")),
            "{found:#?}"
        );
        assert!(!found.join("").contains("s3cr3t"), "{found:#?}");
        assert!(problems("env = 3")[0].starts_with("global.toml:1: expected a table"));
    }

    #[test]
    fn a_secret_in_a_file_for_all_eyes_is_found_in_whichever_layer_it_is_called_one() {
        let document = Document::parse("[env]\nA = \"x\"\nB = { value = \"x\", secret = true }\nC = { value = \"x\", secret = false }", "f").unwrap();
        let exposed = document.exposed(&["A", "C"].into());
        assert_eq!(exposed.len(), 2, "{exposed:?}");
        assert!(exposed[0].starts_with("f:2: ") && exposed[1].starts_with("f:3: "));
    }
}
