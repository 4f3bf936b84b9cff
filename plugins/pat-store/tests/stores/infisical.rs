//! Infisical.

use std::time::Duration;

use provisionhook_host::fault::FaultKind;
use provisionhook_provider_kit_testing::Directory;
use secret_stores_server::infisical::{CLIENT_ID, ENVIRONMENT, InfisicalServer, PROJECT};
use serde_json::{Value, json};

use crate::world::{ANYWHERE, directory, refusal, set, token};

const SECRET: &str = "client-secret-0123456789";

fn server(directory: &Directory) -> InfisicalServer {
    let server = directory
        .runtime()
        .block_on(InfisicalServer::start(ANYWHERE, SECRET))
        .unwrap();
    server.put("/", "NPM", "npm_x");
    server.put("/shared", "NPM", "imported and covered");
    server.put("/shared", "BASE", "first");
    server.put("/later", "BASE", "last");
    server.import("/shared");
    server.import("/later");
    server
}

fn config(server: &InfisicalServer) -> Value {
    json!({
        "infisical": {
            "base_url": server.base_url(), "client_id": CLIENT_ID, "client_secret": SECRET, "project_id": PROJECT, "environment": ENVIRONMENT,
        },
        "inject": { "NPM_TOKEN": "NPM", "BASE": "BASE" }, "token": "NPM", "cache_seconds": 1,
    })
}

fn wait() {
    std::thread::sleep(Duration::from_millis(1100));
}

#[test]
fn one_login_is_good_for_many_listings() {
    let directory = directory();
    let server = server(&directory);
    let plugin = directory.load(&config(&server)).unwrap();
    assert_eq!(
        (
            server.core().count("login"),
            server.core().count("/api/v4/secrets")
        ),
        (1, 0)
    );
    assert_eq!(set(&plugin).unwrap(), ["*BASE=last", "*NPM_TOKEN=npm_x"]);
    assert_eq!(token(&plugin, "anywhere").unwrap().0, "npm_x");
    wait();
    server.put("/", "NPM", "npm_y");
    assert_eq!(set(&plugin).unwrap()[1], "*NPM_TOKEN=npm_y");
    assert_eq!(
        (
            server.core().count("login"),
            server.core().count("/api/v4/secrets")
        ),
        (1, 2)
    );
}

#[test]
fn a_revoked_or_ended_login_is_made_anew() {
    let directory = directory();
    let server = server(&directory);
    let plugin = directory.load(&config(&server)).unwrap();
    server.revoke_all();
    assert!(set(&plugin).is_ok());
    assert_eq!(server.core().count("login"), 2);
    server.core().clock.advance(Duration::from_secs(8000));
    wait();
    assert!(set(&plugin).is_ok());
    assert_eq!(server.core().count("login"), 3);
}

#[test]
fn what_is_wrong_is_of_the_right_kind() {
    let directory = directory();
    let server = server(&directory);
    let mut wrong = config(&server);
    wrong["infisical"]["client_secret"] = json!("hunter2hunter2");
    let refused = refusal(&directory, &wrong);
    assert!(
        refused.contains("\"Invalid credentials\"") && !refused.contains("hunter2"),
        "{refused}"
    );
    for (field, value, words) in [
        ("environment", "dev", "\"Environment not found\""),
        ("project_id", "none", "\"Project not found\""),
    ] {
        let mut wrong = config(&server);
        wrong["infisical"][field] = json!(value);
        let fault = set(&directory.load(&wrong).unwrap()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(fault.message.contains(words), "{fault}");
    }
    server.set_member(false);
    let fault = set(&directory.load(&config(&server)).unwrap()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(fault.message.contains("not a member"), "{fault}");
}

#[test]
fn a_value_that_the_identity_may_not_see_is_not_handed_out() {
    let directory = directory();
    let server = server(&directory);
    server.hide("/", "NPM");
    let fault = set(&directory.load(&config(&server)).unwrap()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    assert!(fault.message.contains("allowed to read `NPM`"), "{fault}");
}
