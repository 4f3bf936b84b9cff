//! The real `.so`, loaded by the host from a directory: its manifest, its capabilities, and rotations across restarts.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use gitlab_server::{Fault, GitlabServer, Times, level};
use jiff::Timestamp;
use provisionhook_host::{
    call::{Attributes, Call},
    capability::{Again, Outcome, Scope},
    fault::FaultKind,
};
use provisionhook_provider_kit_testing::{Directory, Plugin, with_changes};
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["GITLAB_TOKEN", "GITLAB_HOST", "MY_TOKEN"];

/// A GitLab, and a plugin directory with a token that ends in so many days.
fn world(scopes: &[&str], days: u16) -> (Directory, GitlabServer, String) {
    let directory = Directory::of("gitlab");
    let builder = GitlabServer::builder()
        .user("ada")
        .group(5, "acme", &[("ada", level::OWNER)])
        .service_account(5, "workspaces");
    let gitlab = directory.runtime().block_on(builder.start()).unwrap();
    let end = gitlab::day::days_from(Timestamp::now(), days).to_string();
    let token = gitlab.personal_token("ada", scopes, Some(&end));
    (directory.file("token", format!("{token}\n")), gitlab, token)
}

fn config(gitlab: &GitlabServer, more: &Value) -> Value {
    let config = json!({ "base_url": gitlab.base_url(), "token": { "$file": "token" } });
    with_changes(config, more)
}

fn workspace(id: &str) -> Call {
    Call {
        attributes: Attributes {
            workspace_id: id.to_owned(),
            ..Attributes::default()
        },
        ..Call::default()
    }
}

/// When the plugin wants to be called again.
fn tended(directory: &Directory, plugin: &Plugin<'_>) -> Again {
    let call = Call::default();
    match plugin.loaded.lifecycle().unwrap().tend(&call) {
        Outcome::Ready(result) => result.unwrap(),
        Outcome::Pending(later) => directory.runtime().block_on(later).unwrap(),
    }
}

#[test]
fn the_manifest_says_what_it_does() {
    let (directory, gitlab, _) = world(&["api"], 30);
    let plugin = directory.load(&config(&gitlab, &json!({}))).unwrap();
    let verified = plugin.loaded.verified();
    let capabilities = ["env-mutator/1", "token-provider/1", "workspace-lifecycle/1"];
    assert_eq!(verified.manifest().capabilities, capabilities);
    assert!(!verified.shared_tokens());
    assert!(verified.hosts().allows("gitlab.com", 443));
    assert!(!verified.hosts().allows("gitlab.example.com", 443));
}

#[test]
fn the_configured_token_is_set_and_handed_out() {
    let (directory, gitlab, token) = world(&["read_api"], 30);
    let inject = json!({ "inject": { "token": ["MY_TOKEN", "GITLAB_TOKEN"] } });
    let plugin = directory.load(&config(&gitlab, &inject)).unwrap();
    let values = plugin.mutate(&workspace("ws-1"), &NAMES).unwrap();
    let value = Some(token.clone());
    assert_eq!(values, [value.clone(), Some(gitlab.base_url()), value]);

    let host = gitlab.base_url().replace("http://", "");
    let scope = |audience: &str| Scope {
        audience: audience.to_owned(),
        ..Scope::default()
    };
    let given = plugin.token(&workspace("ws-1"), &scope(&host)).unwrap();
    assert_eq!(given.value.expose(), token);
    assert_eq!(given.username.as_deref(), Some("oauth2"));
    let end = gitlab::day::midnight(gitlab::day::days_from(Timestamp::now(), 30));
    assert_eq!(given.expires_at, Some(end));
    let fault = plugin
        .token(&workspace("ws-1"), &scope("gitlab.com"))
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);

    let off = json!({ "inject": { "token": [], "host": [] } });
    let quiet = directory.load(&config(&gitlab, &off)).unwrap();
    let before = gitlab.core().requests().len();
    let nothing = quiet.mutate(&workspace("ws-1"), &NAMES[..2]);
    assert_eq!(nothing.unwrap(), [None, None]);
    assert_eq!(gitlab.core().requests().len(), before);
    assert_eq!(tended(&directory, &quiet), Again(None));
}

#[test]
fn a_wrong_token_is_reported_at_boot_and_a_gitlab_that_is_down_is_not() {
    let (directory, gitlab, token) = world(&["api"], 30);
    assert!(gitlab.revoke(&token));
    let refused = directory
        .load(&config(&gitlab, &json!({})))
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("Token was revoked") && !refused.contains(&token),
        "{refused}"
    );
    let config = json!({ "base_url": "http://127.0.0.1:9", "token": { "$file": "token" } });
    directory.load(&config).unwrap();
}

#[test]
fn a_rotated_token_outlives_the_process_and_a_lost_one_is_reported() {
    let (directory, gitlab, token) = world(&["api"], 5);
    let config = config(&gitlab, &json!({ "rotate": {} }));
    {
        let plugin = directory.load(&config).unwrap();
        let dry = Call {
            dry_run: true,
            ..workspace("ws-1")
        };
        assert_eq!(
            plugin.mutate(&dry, &NAMES[..1]).unwrap(),
            [Some(token.clone())]
        );
        let Again(next) = tended(&directory, &plugin);
        assert!(next.is_some_and(|next| next > Duration::from_secs(20 * 24 * 3600)));
        assert!(!gitlab.works(&token));
    }
    let plugin = directory.load(&config).unwrap();
    let given = plugin.token(&workspace("ws-1"), &Scope::default()).unwrap();
    assert!(gitlab.works(given.value.expose()));
    let promised = given.expires_at.unwrap().duration_since(Timestamp::now());
    assert!(
        promised.as_hours() > 21 * 24 && promised.as_hours() < 24 * 24,
        "until the next rotation"
    );
    assert_eq!(gitlab.core().count("/rotate"), 1);
    drop(plugin);

    let (directory, gitlab, token) = world(&["api"], 5);
    let config = self::config(&gitlab, &json!({ "rotate": {} }));
    let plugin = directory.load(&config).unwrap();
    gitlab.core().set_fault(
        "/rotate",
        Fault::SlowAnswer(Duration::from_secs(60)),
        Times::Next(1),
    );
    let hurried = Call {
        deadline: Some(Instant::now() + Duration::from_secs(6)),
        ..workspace("ws-1")
    };
    let fault = plugin.token(&hurried, &Scope::default()).unwrap_err();
    assert!(fault.message.contains("answer was lost"), "{fault:?}");
    drop(plugin);
    for _ in 0..2 {
        let refused = directory.load(&config).err().unwrap().to_string();
        assert!(refused.contains("revoke the newest token"), "{refused}");
    }
    assert_eq!(gitlab.core().count("/rotate"), 1);
    let living: Vec<_> = gitlab
        .tokens()
        .into_iter()
        .filter(|one| gitlab.works(&one.value))
        .collect();
    assert!(
        living.len() == 1 && living[0].value != token,
        "the family lives"
    );
}

#[test]
fn a_workspace_s_own_token_is_revoked_when_it_ends() {
    let (directory, gitlab, _) = world(&["api"], 30);
    let user_id = gitlab.user_id("workspaces").unwrap();
    let account = json!({ "group": "acme", "user_id": user_id });
    let create = json!({ "create": { "service_account": account, "scopes": ["read_repository"] } });
    let plugin = directory.load(&config(&gitlab, &create)).unwrap();
    let dry = Call {
        dry_run: true,
        ..workspace("ws-1")
    };
    assert!(
        plugin.mutate(&dry, &NAMES[..1]).unwrap()[0]
            .as_deref()
            .unwrap()
            .contains("made-when")
    );
    let set = plugin.mutate(&workspace("ws-1"), &NAMES[..1]).unwrap()[0]
        .clone()
        .unwrap();
    let given = plugin.token(&workspace("ws-1"), &Scope::default()).unwrap();
    assert_eq!(given.value.expose(), set);
    let other = plugin.token(&workspace("ws-2"), &Scope::default()).unwrap();
    assert_ne!(other.value.expose(), set);
    plugin.ended(&workspace("ws-1")).unwrap();
    assert!(!gitlab.works(&set) && gitlab.works(other.value.expose()));
    assert_eq!(gitlab.core().count("POST"), 2);
}
