//! What the config may say, and what is said of its mistakes.

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::with_changes;
use serde_json::{Value, json};

use super::*;

const API_TOKEN: &str = "ATATT3xFfGF0abcdefghijklmnopqrstuvwxyz=1A2B3C4D";
const ACCESS_TOKEN: &str = "ATCTT3xFfGN0abcdefghijklmnopqrstuvwxyz=1A2B3C4D";

/// # Errors
/// The settings'.
fn parse(config: &Value) -> Result<Settings, Fault> {
    Settings::from_config(serde_json::from_value(config.clone()).unwrap())
}

/// # Errors
/// The settings'.
fn with(credential: &Value) -> Result<Settings, Fault> {
    parse(&json!({ "workspace": "acme", "credential": credential }))
}

fn access(more: &Value) -> Value {
    let token = with_changes(json!({ "token": ACCESS_TOKEN }), more);
    json!({ "access_token": token })
}

fn api_token(email: &str, token: &str) -> Value {
    json!({ "api_token": { "email": email, "token": token } })
}

fn oauth(key: &str, secret: &str) -> Value {
    json!({ "oauth": { "key": key, "secret": secret } })
}

#[test]
fn each_kind_has_its_two_user_names() {
    let named = json!({ "api_token": { "email": "ada@example.com", "token": API_TOKEN, "username": "ada" } });
    let expectations = [
        (
            api_token("ada@example.com", API_TOKEN),
            "x-bitbucket-api-token-auth",
            Some("ada@example.com"),
        ),
        (named, "ada", Some("ada@example.com")),
        (access(&json!({})), "x-token-auth", None),
        (
            access(&json!({ "scope": "repository", "repository": "web" })),
            "x-token-auth",
            None,
        ),
        (oauth("key", "secret"), "x-token-auth", None),
    ];
    for (credential, git, api) in expectations {
        let settings = with(&credential).unwrap();
        let found = &settings.credential;
        assert_eq!(
            (found.git_user(), found.api_user()),
            (git, api),
            "{credential}"
        );
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains("3xFfG") && !shown.contains("secret\""),
            "{shown}"
        );
    }
}

#[test]
fn the_usual_places_and_names() {
    let settings = with(&oauth("key", "secret")).unwrap();
    assert_eq!(settings.base_url.as_str(), API);
    assert_eq!(settings.site_url.as_str(), SITE);
    assert_eq!(settings.inject.token, ["BITBUCKET_TOKEN"]);
    assert_eq!(settings.recheck.as_secs(), 300);
}

#[track_caller]
fn assert_refused(expectations: impl IntoIterator<Item = (Value, &'static str)>) {
    for (credential, expected) in expectations {
        let fault = with(&credential).unwrap_err();
        let message = fault.message();
        assert_eq!(fault.kind(), FaultKind::CONFIG);
        assert!(message.contains(expected), "{expected}: {fault}");
        assert!(
            !message.contains("3xFfG") && !message.contains("two words"),
            "{fault}"
        );
    }
}

#[test]
fn an_app_password_is_told_what_to_use_instead() {
    let pair = json!({ "app_password": { "username": "ada", "password": "x" } });
    assert_refused([
        (
            json!({ "app_password": "ATBBx" }),
            "removed app passwords in July 2026",
        ),
        (pair, "/credential/app_password"),
        (
            api_token("ada@example.com", "ATBBabcdefghijklmnopqrstuvwxyz01"),
            "removed app passwords",
        ),
        (
            api_token("ada@example.com", "abcdefghijklmnopqrst"),
            "removed app passwords",
        ),
    ]);
}

#[test]
fn what_is_in_the_wrong_place_is_recognised() {
    let both = json!({ "oauth": { "key": "k", "secret": "s" }, "access_token": { "token": ACCESS_TOKEN } });
    let repository = |name: &str| access(&json!({ "scope": "repository", "repository": name }));
    assert_refused([
        (json!({}), "found none or several"),
        (both, "found none or several"),
        (
            api_token("ada@example.com", ACCESS_TOKEN),
            "put it under \"access_token\"",
        ),
        (
            api_token("ada", API_TOKEN),
            "/email: expected the e-mail address",
        ),
        (
            api_token("ada@example.com", "/etc/token"),
            "the path of a file",
        ),
        (
            access(&json!({ "token": API_TOKEN })),
            "put it under \"api_token\"",
        ),
        (
            access(&json!({ "email": "ada@example.com" })),
            "belongs to no person",
        ),
        (
            access(&json!({ "scope": "repository" })),
            "/repository: expected the repository's name",
        ),
        (
            repository("acme/web"),
            "/repository: expected the repository's name",
        ),
        (
            access(&json!({ "repository": "web" })),
            "/repository: expected none",
        ),
        (oauth("key", API_TOKEN), "found a token"),
        (oauth("k:ey", "secret"), "/oauth/key"),
        (oauth("key", "two words"), "spaces"),
    ]);
}

#[test]
fn each_other_mistake_is_named_with_its_place() {
    let changed = |key: &str, value: Value| {
        let mut config = json!({ "workspace": "acme", "credential": oauth("key", "secret") });
        config[key] = value;
        parse(&config).unwrap_err().message().to_owned()
    };
    for (key, value, expected) in [
        (
            "app_password",
            json!("x"),
            "removed app passwords in July 2026",
        ),
        ("credential", Value::Null, "/credential: expected one of"),
        ("workspace", json!("acme/web"), "/workspace"),
        ("base_url", json!("http://api.bitbucket.org"), "/base_url"),
        ("site_url", json!("bitbucket.org"), "/site_url"),
        (
            "inject",
            json!({ "email": ["A", "B C"] }),
            "/inject/email/1",
        ),
        ("recheck_seconds", json!(0), "/recheck_seconds"),
    ] {
        let message = changed(key, value);
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn another_host_or_repository_gets_no_token() {
    let settings = with(&access(
        &json!({ "scope": "repository", "repository": "web" }),
    ))
    .unwrap();
    for audience in ["", "bitbucket.org", "BITBUCKET.org"] {
        settings.check_audience(audience).unwrap();
    }
    for audience in [
        "api.bitbucket.org",
        "bitbucket.org.evil.example",
        "github.com",
    ] {
        let fault = settings.check_audience(audience).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::DENIED);
    }
    settings.check_repository("Acme/Web").unwrap();
    for repository in ["acme/api", "evil/web", "web"] {
        let fault = settings.check_repository(repository).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::DENIED);
    }
    let wide = with(&oauth("key", "secret")).unwrap();
    wide.check_repository("acme/api").unwrap();
    wide.check_repository("evil/api").unwrap_err();
}
