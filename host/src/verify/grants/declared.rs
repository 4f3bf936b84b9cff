//! What the manifest declares, with `config:/pointer` replaced by what stands there.

use serde_json::Value;

use super::{Making, parse_file, parse_host, parse_key};
use crate::{
    env::keys::KeyPattern, files::FilePattern, manifest::SharedTokens, mismatch::Mismatch,
    services::http::HostPattern, verify::config::kind,
};

/// Marks a pattern that is read from the plugin's config.
const FROM_CONFIG: &str = "config:";
const CORRECT_CONFIG: &str = "correct the plugin's config";

impl Making<'_> {
    pub(super) fn keys(&mut self, declared: &[String]) -> Vec<KeyPattern> {
        let from_value = |text: &str| KeyPattern::parse(text).ok();
        self.expand(declared, parse_key, from_value, "variable names")
    }

    pub(super) fn hosts(&mut self, declared: &[String]) -> Vec<HostPattern> {
        let from_value = |text: &str| HostPattern::from_url(text).ok();
        self.expand(declared, parse_host, from_value, "http or https URLs")
    }

    pub(super) fn files(&mut self, declared: &[String]) -> Vec<FilePattern> {
        let from_value = |text: &str| FilePattern::parse(text).ok();
        self.expand(declared, parse_file, from_value, "paths beneath the home")
    }

    /// What the config leaves out is true: the schema's default.
    pub(super) fn shared_tokens(&mut self, declared: &SharedTokens) -> bool {
        let pointer = match declared {
            SharedTokens::Always(shared) => return *shared,
            SharedTokens::If(pointer) => pointer,
        };
        match self.config.pointer(pointer) {
            None => true,
            Some(Value::Bool(shared)) => *shared,
            Some(other) => {
                self.mismatches.push(Mismatch::new(
                    format!("true or false at {pointer} of the config"),
                    kind(other),
                    CORRECT_CONFIG,
                ));
                false
            }
        }
    }

    /// Replaces `config:/pointer` by what stands there. A key that the config leaves out stands for nothing.
    fn expand<P>(
        &mut self,
        declared: &[String],
        parse: impl Fn(&str) -> Result<P, String>,
        from_value: impl Fn(&str) -> Option<P>,
        wanted: &str,
    ) -> Vec<P> {
        let mut patterns = Vec::new();
        for text in declared {
            let Some(pointer) = text.strip_prefix(FROM_CONFIG) else {
                match parse(text) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(error) => self.mismatches.push(in_manifest(text, &error)),
                }
                continue;
            };
            let Some(value) = self.config.pointer(pointer) else {
                continue;
            };
            match texts(value).and_then(|texts| {
                texts
                    .into_iter()
                    .map(&from_value)
                    .collect::<Option<Vec<P>>>()
            }) {
                Some(found) => patterns.extend(found),
                // The text is not repeated: it may be a secret that landed in the wrong place.
                None => self.mismatches.push(Mismatch::new(
                    format!("{wanted} at {pointer} of the config"),
                    format!("{} that is or holds something else", kind(value)),
                    CORRECT_CONFIG,
                )),
            }
        }
        patterns
    }
}

fn in_manifest(text: &str, error: &str) -> Mismatch {
    Mismatch::new(
        "patterns in the manifest",
        format!("{text:?} ({error})"),
        "correct the manifest and build the plugin again",
    )
}

/// A string, the strings of an array, or the keys of an object.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        Value::Object(fields) => Some(fields.keys().map(String::as_str).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
