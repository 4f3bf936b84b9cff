//! A wrapped secret id.

use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit::outside::{Outside as _, Request};
use serde_json::{Value, json};
use vault_server::{Ended, Fault, Times, VaultServer};

use crate::world::{Log, Platform, assert_fault, one, value, vault};

/// What an operator's pipeline delivers: a secret id, or whatever is at this path, behind a token.
async fn wrapped(vault: &VaultServer, path: &str) -> String {
    let request = Request::post(format!("{}/v1/{path}", vault.base_url()))
        .header("x-vault-token", "root")
        .header("x-vault-wrap-ttl", "10m");
    let response = Platform::default().send(request).await.unwrap();
    let body: Value = response.json().unwrap();
    body["wrap_info"]["token"].as_str().unwrap().to_owned()
}

fn config(token: &str) -> Value {
    let mut config = one("kv/app/db", json!({ "field": "password", "engine": "kv1" }));
    config["auth"] = json!({ "approle": { "role_id": "role-1", "wrapped_secret_id": token } });
    config
}

const SECRET_ID: &str = "auth/approle/role/app/secret-id";

#[tokio::test]
async fn it_is_unwrapped_once_and_outlives_restarts_and_logins() {
    let vault = vault().await;
    let platform = Platform::default();
    let token = wrapped(&vault, SECRET_ID).await;
    let plugin = platform.start(&vault, config(&token));
    plugin.check().await.unwrap();
    assert_eq!(value(&plugin).await.unwrap(), "plain");
    assert_eq!(platform.keys(), ["secret-id", "sessions"]);
    platform.pass(&vault, 3 * 3600);
    let plugin = platform.start(&vault, config(&token));
    plugin.check().await.unwrap();
    assert_eq!(value(&plugin).await.unwrap(), "plain");
    assert_eq!(
        (
            vault.requests_to("sys/wrapping/unwrap"),
            vault.logins().len()
        ),
        (1, 2)
    );

    let another = wrapped(&vault, SECRET_ID).await;
    vault.revoke_token(&vault.logins()[1].id);
    platform
        .start(&vault, config(&another))
        .check()
        .await
        .unwrap();
    assert_eq!(
        (
            vault.requests_to("sys/wrapping/unwrap"),
            vault.logins().len()
        ),
        (2, 3)
    );
    vault.stop().await;
}

#[tokio::test]
async fn that_somebody_was_faster_is_an_alarm() {
    let vault = vault().await;
    let log = Log::start();
    let token = wrapped(&vault, SECRET_ID).await;
    let thief = Request::post(format!("{}/v1/sys/wrapping/unwrap", vault.base_url()))
        .header("x-vault-token", &token);
    assert!(Platform::default().send(thief).await.unwrap().is_success());
    let fault = Platform::default()
        .start(&vault, config(&token))
        .check()
        .await
        .unwrap_err();
    let words = [
        "wrapped_secret_id",
        "somebody else has the secret id: destroy it",
        "(status 400): \"wrapping token is not valid",
    ];
    assert_fault(&fault, FaultKind::CONFIG, &words);
    assert!(log.take("ERROR")[0].contains("somebody else has unwrapped it"));
    vault.stop().await;
}

#[tokio::test]
async fn what_does_not_come_from_the_role_is_not_used() {
    let vault = vault().await;
    let token = wrapped(&vault, "sys/wrapping/wrap").await;
    let fault = Platform::default()
        .start(&vault, config(&token))
        .check()
        .await
        .unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &[
            "auth/approle/role/NAME/secret-id",
            "found one from sys/wrapping/wrap",
        ],
    );
    assert_eq!(vault.requests_to("sys/wrapping/unwrap"), 0);
    vault.stop().await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_part_of_the_alarm() {
    let vault = vault().await;
    let (platform, token) = (Platform::default(), wrapped(&vault, SECRET_ID).await);
    vault.set_fault_at("sys/wrapping/unwrap", Fault::LostAnswer, Times::Next(1));
    let plugin = platform.start(&vault, config(&token));
    assert_fault(
        &plugin.check().await.unwrap_err(),
        FaultKind::TRANSIENT,
        &[],
    );
    let fault = plugin.check().await.unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["This plugin has tried it before and got no answer"],
    );
    vault.stop().await;
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_unwrapped() {
    let vault = vault().await;
    let token = wrapped(&vault, SECRET_ID).await;
    let plugin = Platform::default().dry().start(&vault, config(&token));
    let fault = plugin.check().await.unwrap_err();
    assert_fault(&fault, FaultKind::TRANSIENT, &["a dry run does not unwrap"]);
    let wrapping = vault
        .tokens()
        .into_iter()
        .find(|known| known.id == token)
        .unwrap();
    assert_eq!(wrapping.ended, None::<Ended>);
    vault.stop().await;
}
