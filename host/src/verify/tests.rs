//! Steps 3 and 6: what the operator says, against what a file asks for.

use std::{collections::HashMap, fs};

use serde_json::{Value, json};

use super::*;
use crate::{
    discover::discover,
    inspect::{Libraries, inspect, sample},
    report::{PluginReport, State},
};

struct Variables(HashMap<&'static str, &'static str>);

impl ConfigSource for Variables {
    fn read_env(&self, name: &str) -> Option<Zeroizing<String>> {
        self.0
            .get(name)
            .map(|value| Zeroizing::new((*value).to_owned()))
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Adds a plugin whose manifest has these fields beside the required ones.
    fn plugin(self, file: &str, fields: Value) -> Self {
        let mut manifest: Value = serde_json::from_str(sample::MANIFEST).unwrap();
        let Value::Object(fields) = fields else {
            panic!("an object")
        };
        manifest.as_object_mut().unwrap().extend(fields);
        sample::compile(
            &sample::plugin(&manifest.to_string()),
            &self.0.path().join(file),
            &[],
        );
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    fn verify(&self, policy: &Policy) -> Vec<Result<Verified, VerifyError>> {
        let variables = Variables([("TOKEN", "t0ken")].into());
        let mut verifier = Verifier::new(policy, &variables);
        let libraries = Libraries::of_this_process();
        let candidates = discover(self.0.path()).unwrap().candidates;
        let inspected = candidates
            .into_iter()
            .map(|candidate| inspect(candidate.unwrap(), &libraries).unwrap());
        inspected
            .map(|inspected| verifier.verify(inspected))
            .collect()
    }

    fn refusal(&self, policy: &Policy) -> String {
        self.verify(policy)
            .into_iter()
            .find_map(Result::err)
            .unwrap()
            .to_string()
    }
}

fn policy_for(name: &str, plugin: PluginPolicy) -> Policy {
    Policy {
        plugins: [(name.to_owned(), plugin)].into(),
        ..Policy::default()
    }
}

#[test]
fn a_config_reaches_the_plugin_resolved_and_its_grants_follow_from_it() {
    let schema =
        json!({ "type": "object", "properties": { "key": { "type": "string", "minLength": 3 } } });
    let files = Files::new()
        .plugin(
            "20-sample.so",
            json!({
                "config_schema": schema, "env": { "writes": ["config:/names"] }, "hosts": ["config:/url"],
                "after": ["other"],
            }),
        )
        .file("sample.json", r#"{ "key": { "$env": "TOKEN" }, "names": ["A"], "url": "https://h.example/" }"#);
    let verified = files.verify(&Policy::default()).remove(0).unwrap();
    let config: Value = serde_json::from_slice(verified.config_json()).unwrap();
    assert_eq!(config["key"], "t0ken");
    assert_eq!(verified.secrets(), [Secret::new("t0ken")]);
    assert!(verified.keys().check_write("A").is_ok() && verified.keys().check_write("B").is_err());
    assert!(verified.hosts().allows("h.example", 443));
    assert_eq!(verified.order().number, Some(20));
    assert_eq!(verified.order().after, ["other"]);
    let debug = format!("{verified:?}");
    let as_bytes = format!("{:?}", b"t0ken");
    assert!(
        !debug.contains("t0ken") && !debug.contains(as_bytes.trim_matches(['[', ']'])),
        "{debug}"
    );
    let report = PluginReport::loaded(&verified);
    assert_eq!(
        report.to_string(),
        format!("{}: loaded as sample 1.2.3", verified.path().display())
    );
    assert!(!serde_json::to_string(&report).unwrap().contains("t0ken"));
}

#[test]
fn a_config_that_the_schema_refuses_is_checked_after_resolution() {
    let schema = json!({ "properties": { "key": { "maxLength": 2 } } });
    let files = Files::new()
        .plugin("sample.so", json!({ "config_schema": schema }))
        .file("sample.json", r#"{ "key": { "$env": "TOKEN" } }"#);
    let text = files.refusal(&Policy::default());
    assert!(
        text.contains("refused at config: expected at /key: at most 2 characters, found a string"),
        "{text}"
    );
    assert!(!text.contains("t0ken"), "{text}");
}

#[test]
fn a_schema_holds_for_an_absent_config_too() {
    let files = Files::new().plugin(
        "sample.so",
        json!({ "config_schema": { "required": ["key"] } }),
    );
    let text = files.refusal(&Policy::default());
    assert!(text.contains("at the top level: the key key"), "{text}");
}

#[test]
fn disabled_is_not_refused() {
    let files = Files::new().plugin("sample.so", json!({}));
    let policy = policy_for(
        "sample",
        PluginPolicy {
            disabled: true,
            ..PluginPolicy::default()
        },
    );
    let error = files.verify(&policy).remove(0).unwrap_err();
    assert_eq!(PluginReport::from(&error).state, State::Disabled);
}

#[test]
fn pins() {
    let files = Files::new().plugin("sample.so", json!({}));
    let sha256 = files
        .verify(&Policy::default())
        .remove(0)
        .unwrap()
        .sha256()
        .to_owned();
    let pinned = |pin: &str| {
        let plugin = PluginPolicy {
            sha256: vec![pin.to_owned()],
            required: true,
            ..PluginPolicy::default()
        };
        Policy {
            require_pin: true,
            ..policy_for("sample", plugin)
        }
    };
    assert!(files.verify(&pinned(&sha256)).remove(0).is_ok());
    let error = files.verify(&pinned("00")).remove(0).unwrap_err();
    assert!(
        error.to_string().contains(&format!(
            "refused at trust: expected sha256 00, found a file with sha256 {sha256}"
        )),
        "{error}"
    );
    assert!(PluginReport::from(&error).required);
    let text = files.refusal(&Policy {
        require_pin: true,
        ..Policy::default()
    });
    assert!(text.contains("expected a sha256 pin"), "{text}");
}

#[test]
fn of_two_files_with_one_name_the_first_is_kept_unless_a_pin_says_otherwise() {
    let files = Files::new()
        .plugin("a.so", json!({}))
        .plugin("b.so", json!({ "version": "2" }));
    let mut both = files.verify(&Policy::default());
    let second = both.pop().unwrap().unwrap_err().to_string();
    assert!(second.contains("b.so: refused at policy: expected one file for plugin sample, found a second one beside"), "{second}");
    assert!(second.contains("a.so"), "{second}");
    let first = both.pop().unwrap().unwrap();
    assert_eq!(first.manifest().version, "1.2.3");
    let pin = sha_of(&files, "b.so");
    let policy = policy_for(
        "sample",
        PluginPolicy {
            sha256: vec![pin],
            ..PluginPolicy::default()
        },
    );
    let mut pinned = files.verify(&policy);
    assert_eq!(pinned.pop().unwrap().unwrap().manifest().version, "2");
    assert_eq!(pinned.pop().unwrap().unwrap_err().stage, Stage::Trust);
}

fn sha_of(files: &Files, file: &str) -> String {
    use sha2::Digest as _;
    crate::sealed::hex(&sha2::Sha256::digest(
        fs::read(files.0.path().join(file)).unwrap(),
    ))
}

#[test]
fn a_second_go_runtime_and_panic_abort_are_refused() {
    let go = |name: &str| json!({ "name": name, "runtime": { "language": "go" } });
    let files = Files::new().plugin("a.so", go("a")).plugin("b.so", go("b"));
    let text = files.refusal(&Policy::default());
    assert!(
        text.contains("b.so: refused at policy: expected one Go plugin"),
        "{text}"
    );
    let files = Files::new().plugin("a.so", json!({ "panic": "abort" }));
    let text = files.refusal(&Policy::default());
    assert!(text.contains("found panic strategy abort"), "{text}");
    let allowed = Policy {
        allow_panic_abort: true,
        ..Policy::default()
    };
    assert!(files.verify(&allowed).remove(0).is_ok());
}

#[test]
fn a_first_go_plugin_that_is_refused_makes_room_for_the_second() {
    let go = |name: &str, panic: &str| json!({ "name": name, "panic": panic, "runtime": { "language": "go" } });
    let files = Files::new()
        .plugin("a.so", go("a", "abort"))
        .plugin("b.so", go("b", "none"));
    let verified = files.verify(&Policy::default());
    assert!(verified[0].is_err() && verified[1].is_ok());
}

#[test]
fn the_operators_number_wins_over_the_file_name() {
    let files = Files::new().plugin("20-sample.so", json!({}));
    let policy = policy_for(
        "sample",
        PluginPolicy {
            order: Some(-3),
            ..PluginPolicy::default()
        },
    );
    assert_eq!(
        files.verify(&policy).remove(0).unwrap().order().number,
        Some(-3)
    );
}
