//! Keeps secrets out of whatever is shown: logs, errors, metrics, events, dry runs.
//!
//! Three ways to know a secret: by exact value, while someone holds a [`Guard`] of it; by the shape of known tokens, even
//! if nobody said that they are secret; and by the name of a variable. Values are also found in their base64, URL-safe
//! base64, percent-encoded and JSON-escaped forms, and a value of several lines also line by line.

mod live;
mod shapes;
mod writer;

use std::{borrow::Cow, ops::Range, sync::Arc};

use crate::secret::Secret;

pub use live::{Guard, MIN_VALUE_BYTES};
pub use writer::{RedactingWriter, Scrubbed};

/// What stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// Words that make a part of a variable's name say that its value is secret.
const SECRET_WORDS: &[&str] = &[
    "CREDENTIAL",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "SECRET",
    "TOKEN",
    "APIKEY",
];
/// The same, if the whole part is this.
const SECRET_PARTS: &[&str] = &["KEY", "PASS", "PAT", "AUTH", "JWT"];

/// Removes secrets from text. Clones share the protected values.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    live: Arc<live::Live>,
}

impl Redactor {
    /// A redactor that protects no value yet; it knows the shapes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes `secret` out of every text from now on, until the guard is dropped. A value of fewer than
    /// [`MIN_VALUE_BYTES`] is not searched for: it would be found everywhere.
    #[must_use = "the value is protected while the guard lives"]
    pub fn protect(&self, secret: &Secret) -> Guard {
        live::protect(&self.live, secret.expose())
    }

    /// `text` without protected values and without what looks like a token.
    #[must_use]
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found = self.live.find(text);
        shapes::find(text, &mut found);
        cut(text, found)
    }
}

/// Names of git's settings in the environment: keys, but no secrets.
const GIT_CONFIG_KEY: &str = "GIT_CONFIG_KEY_";

/// Whether a variable of this name holds a secret, to judge by the name: some part of it is, or contains, a word such
/// as `TOKEN`, `SECRET`, `PASSWORD`, `KEY`.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    if name.starts_with(GIT_CONFIG_KEY) {
        return false;
    }
    name.to_ascii_uppercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| {
            SECRET_PARTS.contains(&part) || SECRET_WORDS.iter().any(|word| part.contains(word))
        })
}

/// `text` without any of `values`, in their plain form. For errors about values that nobody protects yet.
pub(crate) fn without<'t, 'v>(
    text: &'t str,
    values: impl Iterator<Item = &'v str>,
) -> Cow<'t, str> {
    let mut found = Vec::new();
    for value in values.filter(|value| value.len() >= MIN_VALUE_BYTES) {
        found.extend(
            text.match_indices(value)
                .map(|(at, _)| at..at + value.len()),
        );
    }
    cut(text, found)
}

/// Replaces the ranges, which may overlap.
fn cut(text: &str, mut found: Vec<Range<usize>>) -> Cow<'_, str> {
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    for range in found {
        if range.start >= done {
            clean.push_str(&text[done..range.start]);
            clean.push_str(REDACTED);
        }
        done = done.max(range.end);
    }
    clean.push_str(&text[done..]);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for name in [
            "GITHUB_TOKEN",
            "db-password",
            "API_KEY",
            "OPENAI_APIKEY",
            "GH_PAT",
            "MY_SECRETS",
            "PGPASSWORD",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["HOME", "PWD", "KEYBOARD", "PATH", "MONKEY_COUNT", "PATTERN"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn a_value_is_hidden_while_any_guard_lives() {
        let redactor = Redactor::new();
        let secret = Secret::new("correct horse");
        let (one, other) = (redactor.protect(&secret), redactor.clone().protect(&secret));
        let text = "say correct horse twice: correct horse.";
        assert_eq!(redactor.scrub(text), "say [redacted] twice: [redacted].");
        drop(one);
        assert!(!redactor.scrub(text).contains("horse"));
        drop(other);
        assert_eq!(redactor.scrub(text), text);
    }

    #[test]
    fn overlapping_values_leave_no_end_of_either() {
        let redactor = Redactor::new();
        let _guards = ["abcdefgh", "efghijkl"].map(|value| redactor.protect(&Secret::new(value)));
        assert_eq!(redactor.scrub("<abcdefghijkl>"), "<[redacted]>");
    }

    #[test]
    fn encoded_forms_are_found() {
        use base64::{Engine as _, prelude::*};
        let redactor = Redactor::new();
        let value = "p\u{e4}ss w\"rd?>>>\n second line, long enough";
        let _guard = redactor.protect(&Secret::new(value));
        for front in ["", "u", "us", "user:"] {
            let basic = format!("{front}{value}");
            for text in [
                BASE64_STANDARD.encode(&basic),
                BASE64_URL_SAFE_NO_PAD.encode(&basic),
            ] {
                let scrubbed = redactor.scrub(&text).into_owned();
                assert!(
                    scrubbed.contains(REDACTED) && scrubbed.len() < 28,
                    "{text} {scrubbed}"
                );
            }
        }
        for text in [
            "x=p%C3%A4ss%20w%22rd%3F%3E%3E%3E%0A%20second%20line%2C%20long%20enough".to_owned(),
            serde_json::to_string(value).unwrap(),
            format!("{value:?}"),
            " second line, long enough alone".to_owned(),
        ] {
            let scrubbed = redactor.scrub(&text);
            assert!(
                !scrubbed.contains("second") && scrubbed.contains(REDACTED),
                "{scrubbed}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_protected_value_survives(
            values in proptest::collection::vec("[ab\u{e4}]{6,10}", 1..4),
            texts in proptest::collection::vec("[ab\u{e4} ]{0,8}", 5),
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 5),
        ) {
            let redactor = Redactor::new();
            let _guards: Vec<_> = values.iter().map(|value| redactor.protect(&Secret::new(value.as_str()))).collect();
            let text: String = texts.iter().zip(&picks).map(|(text, pick)| format!("{text}{}", pick.get(&values))).collect();
            let scrubbed = redactor.scrub(&text);
            for value in &values {
                prop_assert!(!scrubbed.contains(value.as_str()), "{value} in {scrubbed}");
            }
        }
    }
}
