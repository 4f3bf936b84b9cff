//! 1Password Connect.

use provisionhook_host::fault::FaultKind;
use provisionhook_provider_kit_testing::Directory;
use secret_stores_server::connect::ConnectServer;
use serde_json::{Value, json};

use crate::world::{ANYWHERE, directory, refusal, set, token};

const TOKEN: &str = "connect-token-0123456789";

fn server(directory: &Directory) -> ConnectServer {
    let server = directory
        .runtime()
        .block_on(ConnectServer::start(ANYWHERE, TOKEN))
        .unwrap();
    server.vault("CI Vault");
    server.vault("ops");
    server.item(
        "CI Vault",
        "npm",
        &[
            ("", "token", "npm_x"),
            ("admin", "token", "npm_admin"),
            ("", "empty", ""),
            ("a", "twice", "1"),
            ("b", "twice", "2"),
        ],
    );
    server.item("ops", "db", &[("", "password", "p")]);
    server
}

fn config(server: &ConnectServer, reference: &str) -> Value {
    json!({
        "onepassword_connect": { "base_url": server.base_url(), "token": TOKEN },
        "inject": { "SECRET": reference },
    })
}

#[test]
fn references_lead_to_fields() {
    let directory = directory();
    let server = server(&directory);
    let (vault, item) = ("v0000000000000000000000000", "i0000000000000000000000000");
    for (reference, value) in [
        ("op://CI Vault/npm/token".to_owned(), "npm_x"),
        ("op://CI Vault/npm/TOKEN".to_owned(), "npm_x"),
        ("op://CI Vault/npm/admin/token".to_owned(), "npm_admin"),
        (format!("op://{vault}/{item}/token"), "npm_x"),
        ("op://ops/db/password".to_owned(), "p"),
    ] {
        let plugin = directory.load(&config(&server, &reference)).unwrap();
        assert_eq!(
            set(&plugin).unwrap(),
            [format!("*SECRET={value}")],
            "{reference}"
        );
    }
}

#[test]
fn an_item_is_fetched_once_whatever_is_wanted_of_it() {
    let directory = directory();
    let server = server(&directory);
    let mut config = config(&server, "op://CI Vault/npm/token");
    config["token"] = json!("op://CI Vault/npm/admin/token");
    let plugin = directory.load(&config).unwrap();
    assert_eq!(
        server.core().requests().len(),
        1,
        "the credentials are checked by listing the vaults"
    );
    set(&plugin).unwrap();
    assert_eq!(token(&plugin, "any").unwrap().0, "npm_admin");
    assert_eq!(
        server.core().requests().len(),
        1 + 3,
        "a vault, an item by its title, the item"
    );
}

#[test]
fn what_is_wrong_is_of_the_right_kind() {
    let directory = directory();
    let server = server(&directory);
    server.item("CI Vault", "npm2", &[]);
    server.item("CI Vault", "npm2", &[]);
    server.set_visible("ops", false);
    for (reference, kind, words) in [
        (
            "op://none/npm/token",
            FaultKind::Config,
            "expected a secret named `op://none/npm/token`, found none",
        ),
        ("op://CI Vault/none/token", FaultKind::Config, "found none"),
        ("op://CI Vault/npm/none", FaultKind::Config, "found none"),
        ("op://CI Vault/npm/empty", FaultKind::Config, "found none"),
        (
            "op://CI Vault/npm/twice",
            FaultKind::Config,
            "one thing of that field, found 2",
        ),
        (
            "op://CI Vault/npm2/token",
            FaultKind::Config,
            "one thing of that title, found 2",
        ),
        (
            "op://v0000000000000000000000001/db/password",
            FaultKind::Denied,
            "allowed to read",
        ),
    ] {
        let fault = set(&directory.load(&config(&server, reference)).unwrap()).unwrap_err();
        assert_eq!(fault.kind, kind, "{reference}: {fault}");
        assert!(fault.message.contains(words), "{reference}: {fault}");
    }
    let mut wrong = config(&server, "op://CI Vault/npm/token");
    wrong["onepassword_connect"]["token"] = json!("hunter2hunter2");
    let refused = refusal(&directory, &wrong);
    assert!(
        refused.contains("\"Invalid token signature\"") && !refused.contains("hunter2"),
        "{refused}"
    );
    let refused = refusal(&directory, &config(&server, "npm"));
    assert!(refused.contains("op://vault/item/field"), "{refused}");
}
