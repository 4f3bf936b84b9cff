//! The real `.so`, loaded by the host from a directory: its manifest, its capabilities, and what fails at boot.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use github_server::GithubServer;
use provisionhook_host::{
    call::{Attributes, Call},
    capability::Scope,
    fault::FaultKind,
};
use provisionhook_provider_kit_testing::{Directory, with_changes};
use serde_json::{Value, json};

const KEYS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/github-server/keys"
);

/// A plugin directory with the plugin and a key.
fn directory(key: &str) -> Directory {
    Directory::of("github-app-auth").file("app.pem", fs::read(Path::new(KEYS).join(key)).unwrap())
}

fn config(base_url: &str, changes: &Value) -> Value {
    let config = json!({
        "app_id": 123_456,
        "owner": "acme",
        "private_key": { "$file": "app.pem" },
        "base_url": base_url,
    });
    with_changes(config, changes)
}

fn github(directory: &Directory) -> GithubServer {
    let public = fs::read_to_string(Path::new(KEYS).join("app.public.pem")).unwrap();
    let builder = GithubServer::builder().public_key_pem(&public);
    let builder = builder.installation(42, "acme", &["web", "api"], &[("contents", "write")]);
    directory.runtime().block_on(builder.start()).unwrap()
}

#[test]
fn the_manifest_says_what_it_does() {
    let directory = directory("app.pkcs8.pem");
    let plugin = directory
        .load(&config("http://127.0.0.1:9", &json!({})))
        .unwrap();
    let verified = plugin.loaded.verified();
    let manifest = verified.manifest();
    assert_eq!(manifest.name, "github-app-auth");
    assert_eq!(
        manifest.capabilities,
        ["env-mutator/1", "token-provider/1", "workspace-lifecycle/1"]
    );
    assert!(verified.shared_tokens());
    assert!(verified.hosts().allows("api.github.com", 443));
    assert!(verified.hosts().allows("127.0.0.1", 9));
    assert!(!verified.hosts().allows("127.0.0.1", 10));
}

#[test]
fn environments_share_a_token_and_a_narrower_one_is_minted_on_request() {
    let directory = directory("app.private-key.pem");
    let github = github(&directory);
    let changes = json!({ "inject": ["GH_TOKEN", "MY_TOKEN"] });
    let plugin = directory
        .load(&config(&github.base_url(), &changes))
        .unwrap();
    let call = Call::default();
    for _ in 0..2 {
        let names = ["GH_TOKEN", "MY_TOKEN", "GITHUB_TOKEN"];
        let values = plugin.mutate(&call, &names).unwrap();
        let token = Some(github.issued_tokens()[0].token.clone());
        assert_eq!(values, [token.clone(), token, None]);
    }
    assert_eq!(github.token_requests(), 1);

    let scope = Scope {
        repositories: vec!["acme/web".to_owned()],
        ..Scope::default()
    };
    let token = plugin.token(&call, &scope).unwrap();
    let issued = &github.issued_tokens()[1];
    assert_eq!(token.value.expose(), issued.token);
    assert_eq!(issued.repositories.as_deref().unwrap(), ["web"]);
    assert_eq!(token.username.as_deref(), Some("x-access-token"));
    assert_eq!(
        token.expires_at.unwrap().as_second(),
        issued.expires_at.as_second()
    );

    let scope = Scope {
        audience: "gitlab.example".to_owned(),
        ..Scope::default()
    };
    let fault = plugin.token(&call, &scope).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    directory.runtime().block_on(github.stop());
}

#[test]
fn tokens_of_a_workspace_s_own_end_with_it() {
    let directory = directory("app.private-key.pem");
    let github = github(&directory);
    let config = config(&github.base_url(), &json!({ "share_tokens": false }));
    let plugin = directory.load(&config).unwrap();
    assert!(!plugin.loaded.verified().shared_tokens());
    let workspace = |id: &str, dry_run| Call {
        attributes: Attributes {
            workspace_id: id.to_owned(),
            ..Attributes::default()
        },
        dry_run,
        ..Call::default()
    };
    let (one, two) = (workspace("ws-1", false), workspace("ws-2", false));
    for call in [&one, &two] {
        plugin.mutate(call, &["GH_TOKEN"]).unwrap();
        plugin.token(call, &Scope::default()).unwrap();
    }
    plugin.ended(&one).unwrap();
    plugin
        .mutate(&workspace("ws-made-up", true), &["GH_TOKEN"])
        .unwrap();
    let issued = github.issued_tokens().into_iter();
    let revoked: Vec<bool> = issued.map(|token| token.revoked).collect();
    assert_eq!(revoked, [true, true, false, false, true]);
    directory.runtime().block_on(github.stop());
}

#[test]
fn with_injection_off_nothing_is_asked_or_set() {
    let directory = directory("app.private-key.pem");
    let github = github(&directory);
    for (check, expected) in [(true, 1), (false, 1)] {
        let changes = json!({ "inject": [], "check_at_boot": check });
        let config = config(&github.base_url(), &changes);
        let plugin = directory.load(&config).unwrap();
        let values = plugin.mutate(&Call::default(), &["GITHUB_TOKEN"]).unwrap();
        assert_eq!(values, [None]);
        assert_eq!(github.requests().len(), expected, "GET /app, once");
    }
    directory.runtime().block_on(github.stop());
}

#[test]
fn an_app_that_github_does_not_know_fails_at_boot() {
    let directory = directory("other.private-key.pem");
    let github = github(&directory);
    let config = config(&github.base_url(), &json!({}));
    let refused = directory.load(&config).err().unwrap().to_string();
    assert!(
        refused.contains("the private key is not this App's"),
        "{refused}"
    );
    directory.runtime().block_on(github.stop());
}

#[test]
fn a_bad_key_fails_at_boot() {
    let directory = directory("app.public.pem");
    let refused = directory
        .load(&config("http://127.0.0.1:9", &json!({})))
        .err()
        .expect("a public key is no key to sign with")
        .to_string();
    assert!(refused.contains("found a public key"), "{refused}");
}
