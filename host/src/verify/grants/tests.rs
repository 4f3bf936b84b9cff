//! Grants against declarations, over one config.

use serde_json::{Value, json};

use super::*;
use crate::files::FilePath;

fn manifest(writes: &[&str], hosts: &[&str]) -> Manifest {
    let manifest = json!({
        "name": "a", "version": "1", "capabilities": [], "execution": "inline",
        "env": { "writes": writes }, "hosts": hosts,
    });
    serde_json::from_value(manifest).unwrap()
}

/// # Errors
/// As `Grants::new`.
fn grants(
    writes: &[&str],
    hosts: &[&str],
    plugin: &PluginPolicy,
    policy: &Policy,
) -> Result<Grants, Mismatches> {
    let config = json!({
        "var": "FROM_CONFIG", "vars": ["V1", "V2"], "map": { "K1": 1, "K2": 2 }, "url": "https://ghe.example:8443/api",
        "bad": "s3cr3t value",
    });
    Grants::new(&manifest(writes, hosts), &config, plugin, policy)
}

fn only(keys: &[&str], hosts: &[&str]) -> PluginPolicy {
    let owned = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect());
    PluginPolicy {
        grant_keys: owned(keys),
        grant_hosts: owned(hosts),
        ..PluginPolicy::default()
    }
}

#[test]
fn what_is_declared_is_granted_unless_the_operator_says_otherwise() {
    let declared = [
        "A",
        "config:/var",
        "config:/vars",
        "config:/map",
        "config:/none",
    ];
    let all = grants(
        &declared,
        &["config:/url"],
        &PluginPolicy::default(),
        &Policy::default(),
    )
    .unwrap();
    for key in ["A", "FROM_CONFIG", "V1", "V2", "K1", "K2"] {
        all.keys.check_write(key).unwrap();
    }
    assert!(all.hosts.allows("ghe.example", 8443) && !all.hosts.allows("ghe.example", 443));
    let strict = Policy {
        require_grants: true,
        ..Policy::default()
    };
    let none = grants(&["A"], &["h"], &PluginPolicy::default(), &strict).unwrap();
    assert!(none.keys.check_write("A").is_err() && !none.hosts.allows("h", 443));
    assert_eq!(none.warnings.len(), 2);
}

#[test]
fn grants_cut_declarations_down() {
    let plugin = only(&["A", "P_X"], &["h.example"]);
    let cut = grants(
        &["A", "B", "P_*"],
        &["*.example", "other"],
        &plugin,
        &Policy::default(),
    )
    .unwrap();
    assert!(cut.keys.check_write("A").is_ok() && cut.keys.check_write("P_X").is_ok());
    assert!(cut.keys.check_write("B").is_err() && cut.keys.check_write("P_Y").is_err());
    assert!(cut.hosts.allows("h.example", 443) && !cut.hosts.allows("g.example", 443));
    assert_eq!(cut.warnings.len(), 2, "{:?}", cut.warnings);
    let wide = grants(&["A"], &[], &only(&["*"], &[]), &Policy::default()).unwrap();
    assert!(wide.keys.check_write("A").is_ok() && wide.keys.check_write("B").is_err());
}

#[test]
fn denied_names_everything_and_bad_patterns_are_refused_together() {
    let policy = Policy {
        denied_keys: vec!["MINE_*".to_owned(), "1".to_owned()],
        ..Policy::default()
    };
    let error = grants(
        &["PATH", "MINE_X", "*"],
        &[],
        &PluginPolicy::default(),
        &policy,
    )
    .unwrap_err();
    let text = error.to_string();
    for expected in [
        "PATH, which is on",
        "MINE_X, which is on",
        "expected grant_keys",
        "denied_keys of the policy",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    grants(&["*"], &[], &only(&["*"], &[]), &Policy::default()).unwrap();
}

#[test]
fn a_value_in_the_wrong_place_is_not_told() {
    let error = grants(
        &["config:/bad"],
        &["config:/bad"],
        &PluginPolicy::default(),
        &Policy::default(),
    );
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("expected variable names at /bad of the config, found a string"),
        "{text}"
    );
    assert!(
        text.contains("expected http or https URLs at /bad"),
        "{text}"
    );
    assert!(!text.contains("s3cr3t"), "{text}");
}

/// # Errors
/// As `Grants::new`.
fn with_files(files: &[&str], shared: &Value, policy: &PluginPolicy) -> Result<Grants, Mismatches> {
    let manifest = json!({
        "name": "a", "version": "1", "capabilities": [], "execution": "inline", "files": files,
        "tokens": { "shared": shared },
    });
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    let config = json!({
        "path": ".netrc", "paths": { ".config/a": 1, "certs/*": 2 }, "share": false, "bad": "/s3cr3t",
    });
    Grants::new(&manifest, &config, policy, &Policy::default())
}

fn may_put(grants: &Grants, path: &str) -> bool {
    let path = FilePath::parse(path).unwrap();
    grants.files.check(&path).is_ok()
}

#[test]
fn files_are_declared_and_granted_as_keys_are() {
    let declared = [
        ".local/bin/gh",
        "config:/path",
        "config:/paths",
        "config:/none",
    ];
    let all = with_files(&declared, &json!(false), &PluginPolicy::default()).unwrap();
    for path in [".local/bin/gh", ".netrc", ".config/a", "certs/x/y"] {
        assert!(may_put(&all, path), "{path}");
    }
    assert!(!may_put(&all, ".config/b"));
    let plugin = PluginPolicy {
        grant_files: Some(vec!["certs/ca.pem".to_owned(), ".config/*".to_owned()]),
        ..PluginPolicy::default()
    };
    let cut = with_files(&declared, &json!(false), &plugin).unwrap();
    assert!(may_put(&cut, "certs/ca.pem") && may_put(&cut, ".config/a"));
    assert!(!may_put(&cut, "certs/x") && !may_put(&cut, ".netrc") && !may_put(&cut, ".config/b"));
    let warned = cut.warnings.join("\n");
    assert_eq!(cut.warnings.len(), 2, "{warned}");
    assert!(
        warned.contains("grant_files covers") && warned.contains("no grant for file .netrc"),
        "{warned}"
    );
}

#[test]
fn a_path_that_is_none_is_refused_and_not_told() {
    let refused = with_files(&["config:/bad"], &json!(false), &PluginPolicy::default());
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("expected paths beneath the home at /bad of the config, found a string"),
        "{text}"
    );
    assert!(!text.contains("s3cr3t"), "{text}");
}

#[test]
fn whether_tokens_are_shared_may_hang_on_the_config() {
    let shared = |declared: Value| {
        with_files(&[], &declared, &PluginPolicy::default()).map(|grants| grants.shared_tokens)
    };
    assert_eq!(shared(json!(true)), Ok(true));
    assert_eq!(shared(json!("config:/share")), Ok(false));
    assert_eq!(
        shared(json!("config:/left_out")),
        Ok(true),
        "the schema's default"
    );
    let text = shared(json!("config:/path")).unwrap_err().to_string();
    assert!(
        text.contains("expected true or false at /path of the config, found a string"),
        "{text}"
    );
}
