//! The schema of a request and its parser are of one opinion.

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{WorkspaceRequest, schema};
use crate::provision::container;

fn judge() -> Validator {
    jsonschema::draft202012::new(WorkspaceRequest::schema().as_value()).unwrap()
}

fn is_read(request: Value) -> bool {
    WorkspaceRequest::from_json(request).is_ok()
}

#[test]
fn every_field_of_the_schema_is_read() {
    let wrong = json!(1.5);
    for (prefix, fields) in [
        ("", &schema::FIELDS[..]),
        ("container.", &container::FIELDS),
    ] {
        for field in fields {
            let path = format!("{prefix}{}", field.name);
            let request = match prefix {
                "" => json!({field.name: wrong}),
                _ => json!({"container": {field.name: wrong}}),
            };
            let problems = WorkspaceRequest::from_json(request).unwrap_err();
            let is_named = problems.iter().any(|problem| problem.field == path);
            assert!(is_named, "{path} is listed and not read");
        }
    }
}

/// Requests, and whether they are good.
type Cases = Vec<(Value, bool)>;

fn with(name: &str, value: Value) -> Value {
    json!({"command": ["true"], name: value})
}

fn texts() -> Cases {
    let text = |length: usize| "ä".repeat(length);
    vec![
        (json!({"command": ["true"]}), true),
        (
            json!({"command": ["true", ""], "id": null, "name": null, "env": null, "container": null}),
            true,
        ),
        (json!({}), false),
        (json!({"command": null}), false),
        (json!({"command": []}), false),
        (json!({"command": [""]}), false),
        (json!({"command": ["a\u{0}"]}), false),
        (json!({"command": ["a", "\u{0}"]}), false),
        (with("command ", json!([])), false),
        (with("command", json!(vec!["a"; 4096])), true),
        (with("command", json!(vec!["a"; 4097])), false),
        (with("id", json!("a-1")), true),
        (with("id", json!("-a")), false),
        (with("id", json!("x".repeat(63))), true),
        (with("id", json!("x".repeat(64))), false),
        (with("name", json!(text(256))), true),
        (with("name", json!(text(257))), false),
        (with("tenant", json!("a\n")), false),
        (with("role", json!("\u{85}")), false),
    ]
}

fn maps_and_numbers() -> Cases {
    let labels = |count: usize| -> Value {
        let labels = (0..count).map(|n| (format!("l{n}"), json!("x")));
        labels.collect::<serde_json::Map<_, _>>().into()
    };
    vec![
        (with("labels", json!({"": "x"})), false),
        (with("labels", json!({"a": "\u{7f}"})), false),
        (with("labels", json!({"a": null})), false),
        (with("labels", labels(64)), true),
        (with("labels", labels(65)), false),
        (with("env", json!({"A": "line\nline"})), true),
        (with("env", json!({"A": "\u{0}"})), false),
        (with("env", json!({"1A": ""})), false),
        (with("env", json!({"A\n": ""})), false),
        (with("env", json!({"PROVISIONHOOK_X": ""})), false),
        (with("env", json!({"PROVISIONHOOK": ""})), true),
        (with("env", json!({"A": "x".repeat(131_069)})), true),
        (with("env", json!({"A": "x".repeat(131_070)})), false),
        (with("ttl_seconds", json!(1)), true),
        (with("ttl_seconds", json!(0)), false),
        (with("ttl_seconds", json!(1.5)), false),
        (with("ttl_seconds", json!(60.0)), true),
        (with("ttl_seconds", json!(6e1)), true),
        (with("ttl_seconds", json!(-1.0)), false),
        (with("ttl_seconds", json!(1e300)), false),
        (with("ttl_seconds", json!(316_224_000)), true),
        (with("ttl_seconds", json!(316_224_001)), false),
        (with("after_ttl", json!("delete")), true),
        (with("after_ttl", json!("kill")), false),
    ]
}

fn containers() -> Cases {
    let within = |name: &str, value: Value| with("container", json!({name: value}));
    let mount = |source: &str, target: &str| {
        within(
            "mounts",
            json!([{"source": source, "target": target, "read_only": null}]),
        )
    };
    vec![
        (with("container", json!({})), true),
        (with("container", json!([])), false),
        (within("user", json!("1000:1000")), true),
        (within("user", json!("a b")), false),
        (within("network", json!("a:b")), false),
        (within("max_restarts", json!(101)), false),
        (
            within("resources", json!({"pids": 1, "millicpus": null})),
            true,
        ),
        (
            within("resources", json!({"memory_bytes": 6_291_455})),
            false,
        ),
        (within("resources", json!({"cpus": 1})), false),
        (within("mounts", json!([{}])), false),
        (mount("/a", "/b"), true),
        (mount("volume-1", "/b/...c/"), true),
        (mount("/a/../b", "/b"), false),
        (mount("/a:b", "/b"), false),
        (mount("a", "b"), false),
        (mount("a", "/.."), false),
    ]
}

#[test]
fn what_one_refuses_the_other_refuses() {
    let judge = judge();
    let cases = [texts(), maps_and_numbers(), containers()];
    for (request, is_good) in cases.into_iter().flatten() {
        assert_eq!(judge.is_valid(&request), is_good, "the schema: {request}");
        assert_eq!(is_read(request.clone()), is_good, "the parser: {request}");
    }
}

proptest! {
    #[test]
    fn they_agree_about_images(image in "([aB._-]{0,3}|\\[[:a1]{0,3}\\])(:[+0-9]{1,6})?(/[aB._-]{0,3}){0,2}(:[aB._-]{0,3})?(@(sha256|md5):[a0]{63,65})?|[aB]{63,65}(:a)?|a{250,260}(:a)?") {
        let request = json!({"command": ["true"], "container": {"image": image}});
        prop_assert_eq!(judge().is_valid(&request), is_read(request));
    }

    #[test]
    fn they_agree_about_mounts(source in "[/.a:_\\-\u{1}ä]{0,8}", target in "/?[/.a:ä]{0,8}") {
        let request = json!({"command": ["true"], "container": {"mounts": [{"source": source, "target": target}]}});
        prop_assert_eq!(judge().is_valid(&request), is_read(request));
    }
}
