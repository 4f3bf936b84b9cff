//! The file, as it always was.

use provisionhook_host::fault::FaultKind;
use serde_json::json;

use crate::world::{directory, refusal, set, token};

const SECRETS: &str = r#"{ "secrets": {
    "npm": { "value": "npm_x" },
    "bot": { "value": "glpat-x", "username": "oauth2", "host": "gitlab.com" },
    "old": { "value": "x", "expires_at": "2020-01-01T00:00:00Z" }
} }"#;

#[test]
fn secrets_are_injected_and_served() {
    let directory = directory().file("secrets.json", SECRETS);
    let config = json!({ "file": directory.path("secrets.json"), "inject": { "NPM_TOKEN": "npm" }, "token": "npm" });
    let plugin = directory.load(&config).unwrap();
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_x"]);
    let (value, username) = token(&plugin, "GitLab.com").unwrap();
    assert_eq!(
        (value.as_str(), username.as_deref()),
        ("glpat-x", Some("oauth2"))
    );
    assert_eq!(
        token(&plugin, "elsewhere").unwrap(),
        ("npm_x".to_owned(), None)
    );
}

#[test]
fn a_host_has_the_secret_that_is_configured_for_it() {
    let directory = directory().file("secrets.json", SECRETS);
    let tokens = json!({ "gitlab.com": { "secret": "npm", "username": "me" }, "old.example": { "secret": "old" } });
    let config = json!({ "file": directory.path("secrets.json"), "tokens": tokens });
    let plugin = directory.load(&config).unwrap();
    assert_eq!(
        token(&plugin, "gitlab.com").unwrap(),
        ("npm_x".to_owned(), Some("me".to_owned()))
    );
    let fault = token(&plugin, "old.example").unwrap_err();
    assert!(
        fault
            .message
            .contains("`old` expired at 2020-01-01T00:00:00Z"),
        "{fault}"
    );
    let fault = token(&plugin, "elsewhere").unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
}

#[test]
fn what_is_not_there_is_told_at_boot() {
    let directory = directory().file("secrets.json", SECRETS);
    let path = directory.path("secrets.json");
    for (config, words) in [
        (
            json!({ "file": path, "inject": { "A": "none" } }),
            "expected a secret named `none`, found bot, npm, old",
        ),
        (
            json!({ "file": "/none/x.json" }),
            "cannot read /none/x.json",
        ),
    ] {
        let refused = refusal(&directory, &config);
        assert!(refused.contains(words), "{refused}");
    }
}
