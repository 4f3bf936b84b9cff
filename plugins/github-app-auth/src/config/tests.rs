//! Configs as operators write them, right and wrong, and whose token a workspace gets.

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::with_changes;
use serde_json::{Value, json};

use super::*;
use crate::scope::{Bounds, Level};

const KEY: &str = include_str!("../../../../tests/github-server/keys/app.private-key.pem");

fn config(changes: Value) -> Value {
    let config = json!({ "app_id": 123_456, "installation_id": 42, "private_key": KEY });
    let mut config = with_changes(config, &changes);
    config
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    config
}

fn settings(changes: Value) -> Settings {
    Settings::from_config(serde_json::from_value(config(changes)).unwrap()).unwrap()
}

fn refusal(changes: Value) -> String {
    let fault =
        Settings::from_config(serde_json::from_value(config(changes)).unwrap()).unwrap_err();
    assert_eq!(fault.kind(), FaultKind::CONFIG);
    fault.message().to_owned()
}

#[test]
fn the_smallest_config_has_the_usual_defaults() {
    let settings = settings(json!({}));
    let account = &settings.accounts[0];
    assert_eq!(
        (&settings.issuer, &account.target),
        (&Issuer::AppId(123_456), &Target::Id(42))
    );
    assert_eq!(
        (
            settings.base_url.to_string().as_str(),
            settings.git_host.as_str()
        ),
        (base_url::CLOUD, "github.com")
    );
    assert_eq!(settings.inject, ["GITHUB_TOKEN", "GH_TOKEN"]);
    assert_eq!(account.bounds, Bounds::default());
    assert!(settings.share_tokens && settings.probe && settings.check_at_boot);
    assert!(!format!("{settings:?}").contains("BEGIN"));
}

#[test]
fn every_field_arrives() {
    let settings = settings(json!({
        "app_id": "123456", "client_id": "Iv23liExample", "installation_id": null, "repository": "acme/web",
        "base_url": "https://git.example.com/api/v3/", "git_host": "git.internal", "repositories": ["web"],
        "permissions": { "pull_requests": "write" }, "inject": [], "share_tokens": false, "probe": false, "check_at_boot": false,
    }));
    assert_eq!(
        settings.issuer,
        Issuer::ClientId("Iv23liExample".to_owned())
    );
    assert_eq!(
        settings.accounts[0].target,
        Target::Repository {
            owner: "acme".to_owned(),
            name: "web".to_owned()
        }
    );
    assert_eq!(
        (settings.git_host.as_str(), settings.inject.len()),
        ("git.internal", 0)
    );
    assert_eq!(
        settings.accounts[0].bounds.permissions["pull_requests"],
        Level::Write
    );
}

#[test]
fn each_mistake_is_named_with_its_place() {
    let expectations = [
        (json!({ "app_id": null }), "\"client_id\" or \"app_id\""),
        (json!({ "client_id": "123456" }), "/client_id"),
        (json!({ "installation_id": null }), "found none of them"),
        (json!({ "installations": ["acme"] }), "found several"),
        (
            json!({ "choose": { "by": "tenant" }, "share_tokens": false }),
            "beside one installation",
        ),
        (json!({ "owner": "acme" }), "found several"),
        (
            json!({ "installation_id": null, "owner": "acme/web" }),
            "/owner",
        ),
        (
            json!({ "installation_id": null, "repository": "web" }),
            "/repository",
        ),
        (json!({ "private_key": "~/app.pem" }), "/private_key"),
        (json!({ "base_url": "github.com" }), "/base_url"),
        (
            json!({ "repositories": ["web", "acme/api"] }),
            "/repositories/1",
        ),
        (json!({ "repositories": vec!["r"; 501] }), "at most 500"),
        (
            json!({ "permissions": { "pull-requests": "read" } }),
            "\"pull_requests\"",
        ),
        (json!({ "inject": ["GITHUB-TOKEN"] }), "/inject/0"),
    ];
    for (changes, expected) in expectations {
        let message = refusal(changes);
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn another_host_gets_no_token() {
    let settings = settings(json!({}));
    for audience in ["", "github.com", "GitHub.com"] {
        settings.check_audience(audience).unwrap();
    }
    for audience in [
        "github.com.evil.example",
        "api.github.com",
        "github.com:444",
        "gist.github.com",
    ] {
        let fault = settings.check_audience(audience).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::DENIED);
        assert!(fault.message().contains("github.com, found"), "{fault}");
    }
}

#[test]
fn unknown_fields_and_odd_ids_are_refused() {
    for changes in [
        json!({ "appid": 1 }),
        json!({ "app_id": "Iv23" }),
        json!({ "app_id": 0 }),
        json!({ "app_id": -1 }),
    ] {
        assert!(serde_json::from_value::<Config>(config(changes)).is_err());
    }
}

#[test]
fn each_mistake_with_several_installations_is_named_too() {
    let expectations = [
        (
            json!({ "installations": [] }),
            "/installations: expected at least one",
        ),
        (
            json!({ "installations": ["acme", "a/b"] }),
            "/installations/1: expected the name",
        ),
        (
            json!({ "installations": ["acme", { "owner": "ACME" }] }),
            "/installations/1: expected another owner",
        ),
        (
            json!({ "repositories": ["web"] }),
            "/repositories: expected none beside",
        ),
        (
            json!({ "installations": [{ "owner": "acme", "repositories": ["acme/web"] }] }),
            "/installations/0/repositories/0",
        ),
        (
            json!({ "installations": [{ "owner": "acme", "permissions": { "contents": "all" } }] }),
            "/installations/0/permissions",
        ),
        (json!({ "choose": { "by": "role" } }), "/choose/by"),
        (json!({ "choose": { "by": "label:" } }), "/choose/by"),
        (
            json!({ "choose": { "by": "tenant", "owners": { "t": "evil" } } }),
            "/choose/owners",
        ),
        (
            json!({ "choose": { "by": "tenant", "otherwise": "evil" } }),
            "/choose/otherwise",
        ),
        (
            json!({ "choose": { "by": "tenant" }, "share_tokens": true }),
            "/share_tokens: expected false",
        ),
    ];
    for (changes, expected) in expectations {
        let config = json!({ "installation_id": null, "installations": ["acme", "umbrella"], "share_tokens": false });
        let message = refusal(with_changes(config, &changes));
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn an_entry_s_own_permissions_count_instead_of_the_common_ones() {
    let settings = settings(json!({
        "installation_id": null, "permissions": { "contents": "read" },
        "installations": ["acme", { "owner": "umbrella", "permissions": {} }],
    }));
    let permissions = |place: usize| settings.accounts[place].bounds.permissions.len();
    assert_eq!((permissions(0), permissions(1)), (1, 0));
}

#[test]
fn a_label_or_the_owner_s_own_name_chooses() {
    let settings = settings(json!({
        "installation_id": null, "installations": ["acme", "umbrella"], "share_tokens": false,
        "choose": { "by": "label:team", "otherwise": "ACME" },
    }));
    let chosen = |labels: &[(&'static str, &'static str)]| {
        let asker = Asker {
            workspace: "ws-1",
            labels: labels.to_vec(),
            ..Asker::default()
        };
        settings.widest(&asker).unwrap().account
    };
    assert_eq!(chosen(&[("tier", "acme"), ("team", "umbrella")]), 1);
    assert_eq!(chosen(&[("team", "nobody")]), 0);
    assert_eq!(chosen(&[]), 0);
}
