//! A store of one's own, over the HTTP contract.

use std::time::Duration;

use pat_server::{PatServer, Secret};
use provisionhook_host::fault::FaultKind;
use provisionhook_provider_kit_testing::Directory;
use serde_json::{Value, json};
use server_kit::{Fault, Times};

use crate::world::{ANYWHERE, directory, refusal, set, token, workspace};

const TOKEN: &str = "store-token-0123456789";

fn server(directory: &Directory) -> PatServer {
    let server = directory
        .runtime()
        .block_on(PatServer::start(ANYWHERE, TOKEN))
        .unwrap();
    server.put("npm/publish", Secret::plain("npm_x"));
    server.put(
        "bot",
        Secret {
            value: "glpat-x".to_owned(),
            username: Some("oauth2".to_owned()),
            host: Some("gitlab.com".to_owned()),
            expires_at: Some("2099-01-01T00:00:00Z".parse().unwrap()),
        },
    );
    server
}

fn config(server: &PatServer, scope: &str) -> Value {
    json!({
        "http": { "base_url": server.base_url(), "token": TOKEN, "scope": scope },
        "inject": { "NPM_TOKEN": "npm/publish" }, "token": "bot", "cache_seconds": 1,
    })
}

fn wait() {
    std::thread::sleep(Duration::from_millis(1100));
}

#[test]
fn one_answer_is_good_for_all_of_a_tenant() {
    let directory = directory();
    let server = server(&directory);
    let mut config = config(&server, "tenant");
    config["cache_seconds"] = json!(60);
    let plugin = directory.load(&config).unwrap();
    let at_boot = server.core().requests();
    assert_eq!(at_boot.len(), 1, "the credentials are checked");
    assert_eq!(at_boot[0].query, "names=", "and no secret is fetched");
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_x"]);
    let (value, username) = token(&plugin, "gitlab.com").unwrap();
    assert_eq!(
        (value.as_str(), username.as_deref()),
        ("glpat-x", Some("oauth2"))
    );
    plugin.over(&[], &workspace("acme", "ws-2")).unwrap();
    plugin.over(&[], &workspace("other & co", "ws-3")).unwrap();
    let queries: Vec<String> = server
        .core()
        .requests()
        .into_iter()
        .skip(1)
        .map(|request| request.query)
        .collect();
    assert_eq!(
        queries,
        [
            "tenant=acme&names=bot%2Cnpm%2Fpublish",
            "tenant=other%20%26%20co&names=bot%2Cnpm%2Fpublish"
        ]
    );
}

#[test]
fn the_scope_says_what_the_store_is_told() {
    for (scope, query, requests) in [
        ("all", "names=bot%2Cnpm%2Fpublish", 1),
        (
            "workspace",
            "tenant=acme&workspace=ws-1&names=bot%2Cnpm%2Fpublish",
            2,
        ),
    ] {
        let directory = directory();
        let server = server(&directory);
        let mut config = config(&server, scope);
        config["cache_seconds"] = json!(60);
        let plugin = directory.load(&config).unwrap();
        plugin.over(&[], &workspace("acme", "ws-1")).unwrap();
        plugin.over(&[], &workspace("acme", "ws-2")).unwrap();
        let asked = server.core().requests();
        assert_eq!(
            (asked[1].query.as_str(), asked.len() - 1),
            (query, requests),
            "{scope}"
        );
    }
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let directory = directory();
    let server = server(&directory);
    let plugin = directory.load(&config(&server, "tenant")).unwrap();
    set(&plugin).unwrap();
    wait();
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_x"]);
    let statuses: Vec<Option<u16>> = server
        .core()
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(statuses, [Some(200), Some(200), Some(304)]);
    server.put("npm/publish", Secret::plain("npm_y"));
    wait();
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_y"]);
}

#[test]
fn partial_errors_hit_those_who_need_the_secret() {
    let directory = directory();
    let server = server(&directory);
    server.deny("bot");
    let plugin = directory.load(&config(&server, "tenant")).unwrap();
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_x"]);
    let fault = token(&plugin, "gitlab.com").unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(
        fault
            .message
            .contains("expected to be allowed to read `bot`"),
        "{fault}"
    );

    let mut config = config(&server, "tenant");
    config["inject"] = json!({ "A": "none" });
    let fault = set(&directory.load(&config).unwrap()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(
        fault
            .message
            .contains("expected a secret named `none`, found none"),
        "{fault}"
    );
}

#[test]
fn wrong_credentials_are_told_at_boot_and_a_store_that_is_away_is_no_reason_not_to_start() {
    let directory = directory();
    let server = server(&directory);
    let mut wrong = config(&server, "tenant");
    wrong["http"]["token"] = json!("hunter2hunter2hunter2");
    let refused = refusal(&directory, &wrong);
    assert!(
        refused.contains("does not accept the credentials (status 401)"),
        "{refused}"
    );
    assert!(!refused.contains("hunter2"), "{refused}");
    server.core().set_fault(
        "",
        Fault::ServerError(server_kit::StatusCode::BAD_GATEWAY),
        Times::Next(1),
    );
    let plugin = directory.load(&config(&server, "tenant")).unwrap();
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_x"]);
}

#[test]
fn each_refusal_has_its_kind() {
    let directory = directory();
    let server = server(&directory);
    let plugin = directory.load(&config(&server, "tenant")).unwrap();
    server.deny_tenant("acme", true);
    let fault = set(&plugin).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied, "{fault}");
    assert!(
        fault.message.contains("\"this tenant is not served\""),
        "{fault}"
    );
    server.deny_tenant("acme", false);
    server.set_token("another");
    let fault = set(&plugin).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config, "{fault}");
    server.set_token(TOKEN);
    server.core().set_fault(
        "",
        Fault::RateLimited(Some(Duration::from_secs(7))),
        Times::Next(1),
    );
    let fault = set(&plugin).unwrap_err();
    assert_eq!(
        (fault.kind, fault.retry_after),
        (FaultKind::Transient, Some(Duration::from_secs(7)))
    );
    let before = server.core().requests().len();
    assert_eq!(set(&plugin).unwrap_err().kind, FaultKind::Transient);
    assert_eq!(server.core().requests().len(), before, "it is left alone");
}

#[test]
fn an_older_answer_bridges_an_outage() {
    let directory = directory();
    let server = server(&directory);
    let plugin = directory.load(&config(&server, "tenant")).unwrap();
    set(&plugin).unwrap();
    wait();
    server.core().set_fault("", Fault::NotJson, Times::Always);
    assert_eq!(set(&plugin).unwrap(), ["*NPM_TOKEN=npm_x"]);
}

#[test]
fn what_cannot_be_a_store_is_refused() {
    let directory = directory();
    for (config, words) in [
        (
            json!({ "http": { "base_url": "http://store.example", "token": "t" } }),
            "/http/base_url: expected https://HOST, found http",
        ),
        (
            json!({ "http": { "base_url": "https://u:hunter2@store.example", "token": "t" } }),
            "user or password",
        ),
    ] {
        let refused = refusal(&directory, &config);
        assert!(
            refused.contains(words) && !refused.contains("hunter2"),
            "{refused}"
        );
    }
}
