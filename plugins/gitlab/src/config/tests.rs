//! What the config may say, and what is said of its mistakes.

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::with_changes;
use serde_json::{Value, json};

use super::*;

fn config(changes: &Value) -> Value {
    let config = json!({ "token": "glpat-0123456789abcdefghij" });
    with_changes(config, changes)
}

fn settings(changes: Value) -> Settings {
    Settings::from_config(serde_json::from_value(config(&changes)).unwrap()).unwrap()
}

fn refusal(changes: Value) -> String {
    let config = serde_json::from_value::<Config>(config(&changes)).unwrap();
    let fault = Settings::from_config(config).unwrap_err();
    assert_eq!(fault.kind(), FaultKind::CONFIG);
    fault.message().to_owned()
}

#[test]
fn the_smallest_config_has_the_usual_defaults() {
    let settings = settings(json!({}));
    assert_eq!(
        (settings.base_url.as_str(), settings.host()),
        (CLOUD, "gitlab.com")
    );
    assert_eq!(settings.inject.token, ["GITLAB_TOKEN"]);
    assert_eq!(settings.inject.host, ["GITLAB_HOST"]);
    assert!(settings.rotate.is_none() && settings.create.is_none() && settings.door.is_none());
    assert!(!format!("{settings:?}").contains("0123456789"));
}

#[test]
fn gitlab_may_be_anywhere() {
    for (url, host) in [
        ("https://git.example.com/", "git.example.com"),
        (
            "https://git.example.com:8443/api/v4/",
            "git.example.com:8443",
        ),
        ("https://example.com/gitlab", "https://example.com/gitlab"),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
    ] {
        assert_eq!(settings(json!({ "base_url": url })).host(), host);
    }
}

#[test]
fn each_kind_has_its_door() {
    for (changes, door) in [
        (json!({ "kind": "personal" }), "/personal_access_tokens"),
        (
            json!({ "kind": "service_account" }),
            "/personal_access_tokens",
        ),
        (
            json!({ "kind": "project", "place": "acme/web" }),
            "/projects/acme%2Fweb/access_tokens",
        ),
        (
            json!({ "kind": "group", "place": 5 }),
            "/groups/5/access_tokens",
        ),
    ] {
        assert_eq!(settings(changes).door.as_deref(), Some(door));
    }
}

#[track_caller]
fn assert_refused(expectations: impl IntoIterator<Item = (Value, &'static str)>) {
    for (changes, expected) in expectations {
        let message = refusal(changes);
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn a_token_that_is_none_is_named() {
    assert_refused([
        (json!({ "token": "/etc/token" }), "the path of a file"),
        (json!({ "token": "two words" }), "spaces"),
        (json!({ "token": "short" }), "fewer than 8"),
        (json!({ "token": "glcbt-64_abcdefghijklm" }), "CI job's"),
        (json!({ "token": "gldt-abcdefghijklm" }), "deploy token"),
        (json!({ "token": "ghp_abcdefghijklm" }), "GitHub's"),
    ]);
}

#[test]
fn each_mistake_is_named_with_its_place() {
    let days = |before: u16, life: u16| json!({ "rotate": { "days_before": before, "lifetime_days": life } });
    assert_refused([
        (json!({ "base_url": "http://git.example.com" }), "/base_url"),
        (json!({ "kind": "project" }), "expected \"place\""),
        (
            json!({ "kind": "personal", "place": 5 }),
            "/place: expected none",
        ),
        (json!({ "place": "acme" }), "/place: expected none"),
        (
            json!({ "kind": "group", "place": "acme/../x" }),
            "/place: expected a number or a path",
        ),
        (days(20, 40), "found 20 and 40"),
        (days(0, 30), "/rotate"),
        (
            json!({ "inject": { "token": ["A", "B-C"] } }),
            "/inject/token/1",
        ),
        (json!({ "inject": { "host": [""] } }), "/inject/host/0"),
        (json!({ "recheck_seconds": 0 }), "/recheck_seconds"),
    ]);
}

#[test]
fn each_mistake_about_tokens_to_be_made_is_named() {
    let account = json!({ "group": "acme", "user_id": 7 });
    let with = |more: Value| {
        let create = json!({ "scopes": ["api"], "projects": ["a/b"] });
        let mut create = with_changes(create, &more);
        create
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        json!({ "create": create })
    };
    assert_refused([
        (with(json!({ "projects": null })), "found none or both"),
        (
            with(json!({ "service_account": account })),
            "found none or both",
        ),
        (with(json!({ "scopes": [] })), "/create/scopes"),
        (with(json!({ "projects": ["web"] })), "/create/projects"),
        (with(json!({ "access_level": 35 })), "/create/access_level"),
        (
            with(json!({ "lifetime_days": 365 })),
            "/create/lifetime_days",
        ),
        (with(json!({ "name": "a b" })), "/create/name"),
    ]);
}

#[test]
fn another_host_gets_no_token() {
    let settings = settings(json!({ "base_url": "https://git.example.com:8443" }));
    for audience in ["", "git.example.com:8443", "GIT.example.com:8443"] {
        settings.check_audience(audience).unwrap();
    }
    for audience in [
        "git.example.com",
        "gitlab.com",
        "git.example.com:8443.evil.example",
    ] {
        let fault = settings.check_audience(audience).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::DENIED);
        assert!(
            fault.message().contains("git.example.com:8443, found"),
            "{fault}"
        );
    }
}
