//! A plugin's config: the JSON file beside it, with `{"$file": "path"}` and `{"$env": "NAME"}` resolved by the host, so that
//! a plugin needs neither files nor the environment to come by its secrets.
//!
//! A reference becomes a string. One newline at the end of a file is dropped, because editors and `echo` add it. Paths are
//! relative to the plugin directory.

mod file;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    mismatch::{Mismatch, Mismatches},
    secret::Secret,
};

/// Where the host gets the environment variables that configs refer to. The platform implements it in its one module
/// that reads the environment; a test, with a map.
pub trait ConfigSource {
    /// The value of a variable, if it is set and UTF-8.
    fn read_env(&self, name: &str) -> Option<Zeroizing<String>>;
}

/// A config whose references are resolved. Its strings are wiped when it is dropped.
pub(super) struct Config {
    value: Value,
    /// What the references resolved to.
    pub(super) secrets: Vec<Secret>,
    pub(super) warnings: Vec<String>,
}

impl Config {
    /// Reads and resolves; without a file, the config is `{}`. Adds the files that it refers to, whatever comes of it, to `files`.
    ///
    /// # Errors
    /// Everything that cannot be read or resolved. No error holds a value.
    pub(super) fn read(
        path: Option<&Path>,
        directory: &Path,
        source: &dyn ConfigSource,
        files: &mut Vec<PathBuf>,
    ) -> Result<Self, Mismatches> {
        let value = path
            .map_or_else(|| Ok(Value::Object(Map::new())), parse)
            .map_err(Mismatches::one)?;
        let mut config = Self {
            value: Value::Null,
            secrets: Vec::new(),
            warnings: Vec::new(),
        };
        let mut resolver = Resolver {
            directory,
            source,
            files,
            config: &mut config,
            mismatches: Mismatches::default(),
        };
        let mut value = value;
        resolver.resolve(&mut value, "");
        let mismatches = resolver.mismatches;
        config.value = value;
        if mismatches.is_empty() {
            Ok(config)
        } else {
            Err(mismatches)
        }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// As compact JSON, in memory of exactly that size: a buffer that grows would leave copies behind.
    pub(super) fn json(&self) -> Zeroizing<Vec<u8>> {
        let mut length = Length(0);
        let mut json = Zeroizing::new(Vec::new());
        if serde_json::to_writer(&mut length, &self.value).is_ok() {
            json.reserve_exact(length.0);
            // Writing a value with string keys into memory cannot fail.
            let _ = serde_json::to_writer(&mut *json, &self.value);
        }
        json
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        wipe(&mut self.value);
    }
}

/// # Errors
/// It cannot be read, or is no JSON object.
fn parse(path: &Path) -> Result<Value, Mismatch> {
    let text = file::read_config(path)?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| {
        Mismatch::new(
            format!("JSON in {}", path.display()),
            error.to_string(),
            "correct the file at that place",
        )
    })?;
    if value.is_object() {
        return Ok(value);
    }
    Err(Mismatch::new(
        format!("a JSON object in {}", path.display()),
        kind(&value),
        "put the settings into { }",
    ))
}

struct Resolver<'a> {
    directory: &'a Path,
    source: &'a dyn ConfigSource,
    files: &'a mut Vec<PathBuf>,
    config: &'a mut Config,
    mismatches: Mismatches,
}

impl Resolver<'_> {
    fn resolve(&mut self, value: &mut Value, pointer: &str) {
        match value {
            Value::Array(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    self.resolve(item, &format!("{pointer}/{at}"));
                }
            }
            Value::Object(fields) if fields.keys().any(|key| key.starts_with('$')) => {
                match self.reference(fields) {
                    Ok(secret) => {
                        self.config.secrets.push(Secret::new(secret.as_str()));
                        *value = Value::String(secret.as_str().to_owned());
                    }
                    Err(mut mismatch) => {
                        mismatch.expected = format!("at {}: {}", shown(pointer), mismatch.expected);
                        self.mismatches.push(mismatch);
                    }
                }
            }
            Value::Object(fields) => {
                for (key, field) in fields {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    self.resolve(field, &format!("{pointer}/{key}"));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// # Errors
    /// It is no reference, or leads nowhere.
    fn reference(&mut self, fields: &Map<String, Value>) -> Result<Zeroizing<String>, Mismatch> {
        let mut all = fields.iter();
        match (all.next(), all.next()) {
            (Some((key, Value::String(path))), None) if key == "$file" => {
                let path = self.directory.join(path);
                let read = file::read_secret(&path);
                self.files.push(path);
                let (text, warning) = read?;
                self.config.warnings.extend(warning);
                Ok(text)
            }
            (Some((key, Value::String(name))), None) if key == "$env" => {
                self.source.read_env(name).ok_or_else(|| {
                    Mismatch::new(
                        format!("environment variable {name} of the platform"),
                        "that it is not set, or not UTF-8",
                        "set it, or correct the name",
                    )
                })
            }
            _ => {
                let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
                Err(Mismatch::new(
                    "a reference {\"$file\": \"path\"} or {\"$env\": \"NAME\"} and nothing beside it",
                    format!("an object with {}", keys.join(", ")),
                    "correct it; other names cannot start with $",
                ))
            }
        }
    }
}

/// What the value is, without the value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A JSON pointer for people: the empty one is the whole document.
pub(super) fn shown(pointer: &str) -> &str {
    if pointer.is_empty() {
        "the top level"
    } else {
        pointer
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Counts what is written.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
