//! The real `.so`, loaded by the host from a directory: its manifest, its capabilities, the two user names, and wrong credentials.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use bitbucket_server::{BitbucketServer, Reach};
use provisionhook_host::{call::Call, capability::Scope, fault::FaultKind};
use provisionhook_provider_kit_testing::Directory;
use serde_json::{Value, json};

const EMAIL: &str = "ada@example.com";
const NAMES: [&str; 4] = [
    "BITBUCKET_TOKEN",
    "BITBUCKET_USERNAME",
    "BITBUCKET_EMAIL",
    "BITBUCKET_WORKSPACE",
];

fn world() -> (Directory, BitbucketServer) {
    let directory = Directory::of("bitbucket");
    let builder = BitbucketServer::builder()
        .user(EMAIL, "ada")
        .repository("acme/web", "WEB")
        .consumer("acme", "key", "secret", &["repository"]);
    let bitbucket = directory.runtime().block_on(builder.start()).unwrap();
    (directory, bitbucket)
}

fn config(bitbucket: &BitbucketServer, credential: Value) -> Value {
    json!({
        "workspace": "acme",
        "credential": credential,
        "base_url": bitbucket.base_url(),
        "site_url": bitbucket.base_url(),
    })
}

#[test]
fn the_manifest_says_what_it_does() {
    let (directory, bitbucket) = world();
    let credential = json!({ "oauth": { "key": "key", "secret": "secret" } });
    let plugin = directory.load(&config(&bitbucket, credential)).unwrap();
    let verified = plugin.loaded.verified();
    assert_eq!(
        verified.manifest().capabilities,
        ["env-mutator/1", "token-provider/1"]
    );
    assert!(verified.shared_tokens());
    for host in ["api.bitbucket.org", "bitbucket.org"] {
        assert!(verified.hosts().allows(host, 443), "{host}");
    }
    assert!(!verified.hosts().allows("id.atlassian.com", 443));
}

/// Each kind gives git what git needs and the API what the API needs, which a real git and the server judge.
#[test]
fn both_user_names_are_right_for_each_kind() {
    let (directory, bitbucket) = world();
    let ada = bitbucket.api_token(EMAIL, &["read:repository:bitbucket"]);
    let all = bitbucket.access_token(Reach::Workspace("acme".to_owned()), &["repository"]);
    let directory = directory.file("ada", format!("{ada}\n")).file("all", &all);
    let file = |name: &str| json!({ "$file": name });
    let named = json!({ "email": EMAIL, "token": file("ada"), "username": "ada" });
    let kinds = [
        (
            json!({ "api_token": { "email": EMAIL, "token": file("ada") } }),
            "x-bitbucket-api-token-auth",
            Some(EMAIL),
        ),
        (json!({ "api_token": named }), "ada", Some(EMAIL)),
        (
            json!({ "access_token": { "token": file("all") } }),
            "x-token-auth",
            None,
        ),
        (
            json!({ "oauth": { "key": "key", "secret": "secret" } }),
            "x-token-auth",
            None,
        ),
    ];
    for (credential, username, email) in kinds {
        let plugin = directory.load(&config(&bitbucket, credential)).unwrap();
        let values = plugin.mutate(&Call::default(), &NAMES).unwrap();
        assert_eq!(values[1].as_deref(), Some(username));
        assert_eq!(values[2].as_deref(), email);
        assert_eq!(values[3].as_deref(), Some("acme"));
        let scope = Scope {
            audience: bitbucket.base_url().replace("http://", ""),
            repositories: vec!["acme/web".to_owned()],
            ..Scope::default()
        };
        let given = plugin.token(&Call::default(), &scope).unwrap();
        assert_eq!(given.username.as_deref(), Some(username));
        assert_eq!(
            given.expires_at.is_some(),
            bitbucket
                .oauth_tokens()
                .iter()
                .any(|one| one == given.value.expose())
        );
        for token in [given.value.expose(), values[0].as_deref().unwrap()] {
            assert!(git_works(&bitbucket, username, token), "{username}");
        }
    }
}

fn git_works(bitbucket: &BitbucketServer, username: &str, token: &str) -> bool {
    let host = bitbucket.base_url().replace("http://", "");
    let token = token.replace('=', "%3D");
    let url = format!("http://{username}:{token}@{host}/acme/web.git");
    let mut git = Command::new("git");
    git.args(["-c", "credential.helper=", "ls-remote", &url])
        .env("GIT_TERMINAL_PROMPT", "0");
    git.output().unwrap().status.success()
}

#[test]
fn a_token_for_something_else_is_denied() {
    let (directory, bitbucket) = world();
    let credential = json!({ "oauth": { "key": "key", "secret": "secret" } });
    let plugin = directory.load(&config(&bitbucket, credential)).unwrap();
    let before = bitbucket.core().requests().len();
    for (audience, repository) in [("github.com", "acme/web"), ("", "evil/web")] {
        let scope = Scope {
            audience: audience.to_owned(),
            repositories: vec![repository.to_owned()],
            ..Scope::default()
        };
        let fault = plugin.token(&Call::default(), &scope).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Denied);
    }
    assert_eq!(bitbucket.core().requests().len(), before);
}

#[test]
fn wrong_credentials_are_reported_at_boot() {
    let (directory, bitbucket) = world();
    let refused = |credential: Value| {
        let refused = directory.load(&config(&bitbucket, credential));
        refused.err().unwrap().to_string()
    };
    let wrong = refused(json!({ "oauth": { "key": "key", "secret": "wrong" } }));
    assert!(
        wrong.contains("Invalid OAuth client credentials"),
        "{wrong}"
    );
    let gone =
        refused(json!({ "app_password": { "username": "ada", "password": "ATBBsomething" } }));
    assert!(
        gone.contains("removed app passwords in July 2026") && !gone.contains("ATBBsomething"),
        "{gone}"
    );
    let mut down = config(
        &bitbucket,
        json!({ "oauth": { "key": "key", "secret": "secret" } }),
    );
    down["site_url"] = json!("http://127.0.0.1:9");
    directory.load(&down).unwrap();
}
