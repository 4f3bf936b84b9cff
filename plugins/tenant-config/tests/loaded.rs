//! The real `.so` over a real directory, loaded by the host.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use provisionhook_host::{
    call::{Attributes, Call},
    env::Resolved,
    fault::FaultKind,
};
use provisionhook_provider_kit_testing::Directory;
use serde_json::{Value, json};
use tempfile::TempDir;

const GLOBAL: &str = r#"
[env]
REGION = "eu"
APP_URL = { template = "https://{{ tenant }}.example.com/{{ workspace.role | default('any') }}" }
DB_PASSWORD = { required = true, secret = true }
CACHE = { template = "{{ env.HOME }}/cache", secret = false }
PAGER = { value = "cat", override = true }
DEBUG_PORT = { unset = true, override = true }

[[when]]
labels = { team = "ml" }
env = { GPU = "1" }
"#;

const ACME: &str = r#"
[env]
REGION = "us"
DB_PASSWORD = "hunter2hunter2"
"#;

const KEYS: &[&str] = &[
    "REGION",
    "APP_*",
    "DB_PASSWORD",
    "CACHE",
    "PAGER",
    "DEBUG_PORT",
    "GPU",
];

fn files() -> TempDir {
    let files = tempfile::tempdir().unwrap();
    fs::create_dir(files.path().join("tenants")).unwrap();
    put(files.path(), "global.toml", GLOBAL);
    put(files.path(), "tenants/acme.toml", ACME);
    files
}

fn put(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn config(files: &TempDir) -> Value {
    json!({ "directory": files.path(), "keys": KEYS, "reads": ["HOME"] })
}

fn workspace(tenant: &str, labels: &[(&str, &str)]) -> Call {
    Call {
        attributes: Attributes {
            workspace_id: "ws-1".to_owned(),
            tenant: tenant.to_owned(),
            role: "reviewer".to_owned(),
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Attributes::default()
        },
        ..Call::default()
    }
}

/// `NAME=value`, with `*` in front of secrets.
fn shown(resolved: &Resolved) -> Vec<String> {
    let env = resolved.env.iter();
    env.map(|(name, found)| {
        format!(
            "{}{name}={}",
            if found.secret { "*" } else { "" },
            found.value.expose()
        )
    })
    .collect()
}

#[test]
fn a_workspace_gets_the_layers_and_keeps_what_it_asked_for() {
    let files = files();
    let directory = Directory::of("tenant-config");
    let plugin = directory.load(&config(&files)).unwrap();
    let asked = [
        ("HOME", "/home/a"),
        ("REGION", "asked"),
        ("PAGER", "less"),
        ("DEBUG_PORT", "1"),
    ];
    let call = workspace("acme", &[("team", "ml")]);
    assert_eq!(
        shown(&plugin.over(&asked, &call).unwrap()),
        [
            "APP_URL=https://acme.example.com/reviewer",
            "CACHE=/home/a/cache",
            "*DB_PASSWORD=hunter2hunter2",
            "GPU=1",
            "HOME=/home/a",
            "PAGER=cat",
            "REGION=asked",
        ]
    );
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let files = files();
    let directory = Directory::of("tenant-config");
    let plugin = directory.load(&config(&files)).unwrap();
    let fault = plugin.over(&[], &workspace("other", &[])).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    for words in [
        "global.toml:5: expected DB_PASSWORD",
        "global.toml:6: CACHE: expected a workspace with env.HOME",
    ] {
        assert!(fault.message.contains(words), "{fault}");
    }
}

#[test]
fn a_change_needs_no_restart() {
    let files = files();
    let directory = Directory::of("tenant-config");
    let plugin = directory.load(&config(&files)).unwrap();
    let region = || {
        let resolved = plugin
            .over(&[("HOME", "/")], &workspace("acme", &[]))
            .unwrap();
        shown(&resolved)
            .into_iter()
            .find(|line| line.starts_with("REGION"))
            .unwrap()
    };
    assert_eq!(region(), "REGION=us");
    put(files.path(), "new", &ACME.replace("us", "asia"));
    fs::rename(
        files.path().join("new"),
        files.path().join("tenants/acme.toml"),
    )
    .unwrap();
    assert_eq!(region(), "REGION=asia");
}

#[test]
fn boot_tells_what_to_paste() {
    let files = files();
    let directory = Directory::of("tenant-config");
    let refused = directory
        .load(&json!({ "directory": files.path() }))
        .err()
        .unwrap()
        .to_string();
    for words in [
        r#"write "keys": ["APP_URL", "CACHE", "DB_PASSWORD", "DEBUG_PORT", "GPU", "PAGER", "REGION"] into"#,
        r#"write "reads": ["HOME"] into"#,
    ] {
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn what_no_plugin_may_set_it_does_not_set_either() {
    let files = files();
    put(files.path(), "global.toml", "[env]\nBASH_ENV = 'x'\n");
    put(files.path(), "tenants/acme.toml", "");
    let directory = Directory::of("tenant-config");
    let config = json!({ "directory": files.path(), "keys": ["BASH_*"] });
    let fault = directory
        .load(&config)
        .unwrap()
        .over(&[], &workspace("acme", &[]))
        .unwrap_err();
    assert!(fault.message.contains("BASH_ENV"), "{fault}");
}

#[test]
fn a_thousand_tenants_are_read_at_boot_and_asked_for_quickly() {
    let files = files();
    for number in 0..1000 {
        put(files.path(), &format!("tenants/t{number}.toml"), ACME);
    }
    let directory = Directory::of("tenant-config");
    let plugin = directory.load(&config(&files)).unwrap();
    let begun = std::time::Instant::now();
    for number in 0..1000 {
        plugin
            .over(&[("HOME", "/")], &workspace(&format!("t{number}"), &[]))
            .unwrap();
    }
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
