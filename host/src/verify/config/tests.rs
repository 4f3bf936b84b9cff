//! A plugin's config file, sound and not.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use super::*;

struct OneVariable;

impl ConfigSource for OneVariable {
    fn read_env(&self, name: &str) -> Option<Zeroizing<String>> {
        (name == "SET").then(|| Zeroizing::new("s3cr3t".to_owned()))
    }
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new(config: &str) -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        directory.write("c.json", config.as_bytes(), 0o644);
        directory
    }

    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// # Errors
    /// As `Config::read`.
    fn read(&self) -> Result<Config, Mismatches> {
        let directory = self.0.path();
        let path = directory.join("c.json");
        Config::read(Some(&path), directory, &OneVariable, &mut Vec::new())
    }

    fn refusal(&self) -> String {
        self.read().map(|_| ()).unwrap_err().to_string()
    }
}

#[test]
fn no_file_is_an_empty_object() {
    let config = Config::read(None, Path::new("."), &OneVariable, &mut Vec::new())
        .map_err(|error| error.to_string())
        .unwrap();
    assert_eq!(config.json().as_slice(), b"{}");
}

#[test]
fn references_are_resolved_at_any_depth() {
    let directory = Directory::new(
        r#"{ "a": [{ "b/c": { "$file": "key" } }], "e": { "$env": "SET" }, "n": 1.5 }"#,
    );
    directory.write("key", b"line 1\nline \"2\"\n", 0o600);
    let config = directory.read().map_err(|error| error.to_string()).unwrap();
    assert_eq!(
        std::str::from_utf8(&config.json()).unwrap(),
        r#"{"a":[{"b/c":"line 1\nline \"2\""}],"e":"s3cr3t","n":1.5}"#
    );
    assert_eq!(
        config.secrets,
        [Secret::new("line 1\nline \"2\""), Secret::new("s3cr3t")]
    );
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn one_newline_at_the_end_of_a_file_is_dropped() {
    let directory = Directory::new(r#"{ "k": { "$file": "key" } }"#);
    for (text, expected) in [
        ("x", "x"),
        ("x\n", "x"),
        ("x\r\n", "x"),
        ("x\n\n", "x\n"),
        ("x ", "x "),
        ("", ""),
    ] {
        directory.write("key", text.as_bytes(), 0o600);
        let config = directory.read().map_err(|error| error.to_string()).unwrap();
        assert_eq!(config.value()["k"], expected, "{text:?}");
    }
}

#[test]
fn all_that_cannot_be_resolved_is_told_at_once_with_its_place() {
    let directory = Directory::new(
        r#"{ "a/b": { "$file": "gone" }, "l": [0, { "$env": "UNSET" }], "x": { "$fil": "s3cr3t" },
             "y": { "$env": "SET", "z": "s3cr3t" }, "w": { "$env": 1 } }"#,
    );
    let text = directory.refusal();
    for expected in [
        "expected at /a~1b: a readable file",
        "expected at /l/1: environment variable UNSET of the platform",
        "at /x: a reference {\"$file\": \"path\"} or {\"$env\": \"NAME\"} and nothing beside it, found an object with $fil",
        "found an object with $env, z",
        "expected at /w: a reference",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("s3cr3t"), "{text}");
}

#[test]
fn broken_json_is_told_with_line_and_column_and_without_its_text() {
    let text = Directory::new("{\n  \"key\": \"s3cr3t\",,\n}").refusal();
    assert!(
        text.contains("c.json") && text.contains("at line 2 column 19"),
        "{text}"
    );
    assert!(!text.contains("s3cr3t"), "{text}");
    let text = Directory::new("[]").refusal();
    assert!(
        text.contains("expected a JSON object in") && text.contains("found an array"),
        "{text}"
    );
    let deep = "[".repeat(100_000);
    assert!(Directory::new(&deep).refusal().contains("recursion"));
}

#[test]
fn who_may_read_and_write_the_files() {
    let directory = Directory::new(r#"{ "k": { "$file": "key" } }"#);
    directory.write("key", b"x", 0o644);
    let config = directory.read().map_err(|error| error.to_string()).unwrap();
    assert!(
        config.warnings[0].contains("key: expected a file that only the platform"),
        "{:?}",
        config.warnings
    );
    directory.write("c.json", b"{}", 0o666);
    let text = directory.refusal();
    assert!(text.contains("chmod go-w"), "{text}");
}

#[test]
fn files_that_are_no_secrets() {
    let directory = Directory::new(r#"{ "k": { "$file": "key" } }"#);
    directory.write("key", b"ab\xFF", 0o600);
    assert!(
        directory
            .refusal()
            .contains("found a byte that is not at 2"),
        "{}",
        directory.refusal()
    );
    directory.write("key", &vec![b'x'; (1 << 20) + 1], 0o600);
    assert!(
        directory
            .refusal()
            .contains("expected at /k: at most 1048576 bytes"),
        "{}",
        directory.refusal()
    );
    fs::remove_file(directory.0.path().join("key")).unwrap();
    fs::create_dir(directory.0.path().join("key")).unwrap();
    assert!(
        directory.refusal().contains("found a directory"),
        "{}",
        directory.refusal()
    );
}

#[test]
fn the_files_of_a_config_are_known_also_where_it_is_refused() {
    let directory = Directory::new(
        r#"{ "a": { "$file": "gone" }, "b": [{ "$file": "/k/key" }], "c": { "$env": "UNSET" } }"#,
    );
    let (place, mut files) = (directory.0.path(), Vec::new());
    let config = Config::read(Some(&place.join("c.json")), place, &OneVariable, &mut files);
    assert!(config.is_err());
    assert_eq!(files, [place.join("gone"), PathBuf::from("/k/key")]);
}
