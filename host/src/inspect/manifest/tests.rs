//! Manifests, sound and not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::inspect::NoteFrom;

/// # Errors
/// As `parse`.
fn parse_json(json: &[u8], abi: (u16, u16)) -> Result<Parsed, ManifestError> {
    parse(&Note {
        abi_major: abi.0,
        abi_minor: abi.1,
        manifest: json,
        from: NoteFrom::ProgramHeaders,
    })
}

/// A manifest with some fields replaced.
///
/// # Errors
/// As `parse`.
fn with(fields: Value) -> Result<Parsed, ManifestError> {
    let mut manifest = json!({
        "name": "a", "version": "1.0", "capabilities": ["env-mutator/1"], "execution": "inline",
    });
    let Value::Object(fields) = fields else {
        panic!("an object")
    };
    manifest.as_object_mut().unwrap().extend(fields);
    parse_json(manifest.to_string().as_bytes(), (ABI_MAJOR, ABI_MINOR))
}

fn refusal(fields: Value) -> String {
    with(fields).unwrap_err().to_string()
}

#[test]
fn unknown_fields_and_unknown_capabilities_are_left_out() {
    let parsed = with(json!({
        "capabilities": ["health/1", "token-provider/1", "env-mutator/1", "env-mutator/2", "env-mutator/1"],
        "colour": "green",
    }));
    let Parsed { manifest, warnings } = parsed.unwrap();
    assert_eq!(manifest.capabilities, ["token-provider/1", "env-mutator/1"]);
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].contains("found health/1"), "{warnings:?}");
}

#[test]
fn another_revision_is_refused_with_both_named() {
    let text = refusal(json!({ "capabilities": ["env-mutator/2"] }));
    assert!(
        text.contains("expected capability env-mutator/1, found env-mutator/2"),
        "{text}"
    );
    let text = refusal(json!({ "capabilities": ["health/1"] }));
    assert!(
        text.contains(
            "at least one capability of env-mutator/1, token-provider/1, file-contributor/1, workspace-lifecycle/1, \
             found health/1; update the platform"
        ),
        "{text}"
    );
    let text = refusal(json!({ "capabilities": [] }));
    assert!(text.contains("found none"), "{text}");
}

#[test]
fn all_mismatches_are_told_at_once() {
    let error = with(json!({
        "name": "A b", "version": "", "capabilities": [], "min_host_minor": ABI_MINOR + 1,
        "env": { "reads": ["1"], "writes": ["A=B"], "secrets": [""] }, "hosts": ["a b"], "after": ["-"], "entry": "a b",
        "files": ["../a", "config:/files", ".config/*"],
    }));
    let error = error.unwrap_err();
    assert_eq!(error.mismatches.0.len(), 11, "{error}");
    let text = error.to_string();
    assert!(
        text.contains(
            "directory/* or config:/json/pointer in files, found \"../a\" (expected a path beneath"
        ),
        "{text}"
    );
    assert_eq!(error.identity, None);
}

#[test]
fn majors_must_be_equal_and_minors_may_differ_both_ways() {
    let json =
        br#"{"name":"a","version":"1","capabilities":["env-mutator/1"],"execution":"inline"}"#;
    parse_json(json, (ABI_MAJOR, 0)).unwrap();
    parse_json(json, (ABI_MAJOR, ABI_MINOR + 1)).unwrap();
    let error = parse_json(json, (ABI_MAJOR + 1, 0)).unwrap_err();
    assert!(error.to_string().contains("expected ABI major"), "{error}");
    assert_eq!(error.identity, Some(("a".to_owned(), "1".to_owned())));
    let error = parse_json(b"\x81", (ABI_MAJOR + 1, 0)).unwrap_err();
    assert_eq!(error.mismatches.0.len(), 1);
}

#[test]
fn a_plugin_that_needs_a_newer_host_is_refused() {
    with(json!({ "min_host_minor": ABI_MINOR })).unwrap();
    let text = refusal(json!({ "min_host_minor": ABI_MINOR + 1 }));
    assert!(text.contains("expected a host of at least ABI"), "{text}");
}

#[test]
fn json_that_is_too_large_too_deep_or_ends_in_nul() {
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(MAX_MANIFEST_BYTES));
    let deep = format!("{{\"config_schema\":{}", "[".repeat(10_000));
    for (json, expected) in [
        (large.as_str(), "at most 65536"),
        (&deep, "recursion"),
        ("{}\0", "NUL"),
        ("", "EOF"),
    ] {
        let error = parse_json(json.as_bytes(), (ABI_MAJOR, ABI_MINOR)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

proptest! {
    #[test]
    fn whatever_the_bytes_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_json(&bytes, (ABI_MAJOR, ABI_MINOR));
    }

    #[test]
    fn accepted_names_are_names(name in "[a-zA-Z0-9_./ -]{0,70}") {
        let accepted = with(json!({ "name": name })).is_ok();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let expected = (1..=63).contains(&name.len())
            && name.starts_with(plain)
            && name.chars().all(|c| plain(c) || c == '-');
        prop_assert_eq!(accepted, expected);
    }
}
