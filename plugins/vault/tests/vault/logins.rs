//! Each way to log in, what is wrong with a login, and how a token is kept alive and replaced.

use std::{fs, time::Duration};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use provisionhook_plugin_abi::wire::FaultKind;
use serde_json::{Value, json};
use vault_server::{Ended, Fault, StatusCode, Times};

use crate::world::{KEY, Log, PUBLIC, Platform, assert_fault, one, setting, started, value, vault};

fn config(auth: Value) -> Value {
    let mut config = one(
        "secret/app/db",
        json!({ "field": "password", "engine": "kv2" }),
    );
    config["auth"] = auth;
    config
}

fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(KEY.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}

#[tokio::test]
async fn a_service_account_logs_in_with_the_token_that_the_file_has_now() {
    let mut root = setting();
    root["auth"]["kubernetes"] = json!({ "kubernetes": { "public_key": PUBLIC, "roles": { "app": {
        "bound_service_account_names": ["provisioner"], "bound_service_account_namespaces": ["platform"],
        "token": { "policies": ["app"], "ttl": "10m", "max_ttl": "10m" },
    } } } });
    let vault = started(root).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let account = |name: &str, seconds: i64| {
        let account = json!({ "name": name, "uid": "7" });
        let expires = jiff::Timestamp::now().as_second() + seconds;
        signed(
            &json!({ "exp": expires, "kubernetes.io": { "namespace": "platform", "serviceaccount": account } }),
        )
    };
    let (platform, auth) = (
        Platform::default(),
        json!({ "kubernetes": { "role": "app", "jwt_file": file } }),
    );
    let plugin = platform.start(&vault, config(auth));
    let fault = plugin.check().await.unwrap_err();
    assert_fault(&fault, FaultKind::CONFIG, &["token", "cannot be read"]);

    fs::write(&file, account("provisioner", 600)).unwrap();
    plugin.check().await.unwrap();
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    // The file is replaced while the platform runs, as a cluster does it.
    fs::write(&file, format!("{}\n", account("provisioner", 3600))).unwrap();
    platform.pass(&vault, 700);
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    assert_eq!(vault.logins().len(), 2);

    for (token, words) in [
        (account("provisioner", 60), "(status 403)"),
        (account("web", 3600), "service account name not authorized"),
        ("no token".to_owned(), "found no JSON web token"),
    ] {
        fs::write(&file, token).unwrap();
        let auth = json!({ "kubernetes": { "role": "app", "jwt_file": file } });
        let fault = Platform::default()
            .start(&vault, config(auth))
            .check()
            .await
            .unwrap_err();
        assert_fault(&fault, FaultKind::CONFIG, &["/auth", words]);
    }
    vault.stop().await;
}

#[tokio::test]
async fn a_jwt_logs_in_and_a_wrong_one_is_explained() {
    let mut root = setting();
    root["auth"]["ci"] = json!({ "jwt": { "public_key": PUBLIC, "roles": { "app": { "bound_audiences": ["vault"], "token": { "policies": ["app"] } } } } });
    let vault = started(root).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jwt");
    let expires = jiff::Timestamp::now().as_second() + 600;
    let plugin = |role: &str| {
        let auth = json!({ "jwt": { "mount": "ci", "role": role, "jwt_file": file } });
        Platform::default().start(&vault, config(auth))
    };
    fs::write(
        &file,
        signed(&json!({ "exp": expires, "sub": "platform", "aud": "vault" })),
    )
    .unwrap();
    assert_eq!(value(&plugin("app")).await.unwrap(), "hunter2");
    let fault = plugin("web").check().await.unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["role web", "auth/ci/login", "could not be found"],
    );
    fs::write(
        &file,
        signed(&json!({ "exp": expires, "sub": "platform", "aud": "api" })),
    )
    .unwrap();
    let fault = plugin("app").check().await.unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["audience", "check the role's bound names"],
    );
    vault.stop().await;
}

#[tokio::test]
async fn wrong_credentials_are_told_at_boot_and_nothing_else_is_asked() {
    let vault = vault().await;
    let approle = |role_id: &str, secret_id: &str, mount: &str| json!({ "approle": { "role_id": role_id, "secret_id": secret_id, "mount": mount } });
    for (auth, words) in [
        (
            approle("role-1", "wrong", "approle"),
            "does not accept role id role-1 with its secret id",
        ),
        (
            approle("role-9", "secret-1", "approle"),
            "does not accept role id role-9",
        ),
        (
            approle("role-1", "secret-1", "other"),
            "check that the login is mounted at auth/other",
        ),
        (
            json!({ "token": "nobody" }),
            "/auth/token: expected a token that works",
        ),
    ] {
        let fault = Platform::default()
            .start(&vault, config(auth))
            .check()
            .await
            .unwrap_err();
        assert_fault(&fault, FaultKind::CONFIG, &["/auth", words]);
    }
    let before = vault.requests().len();
    Platform::default()
        .start(&vault, config(approle("role-1", "secret-1", "approle")))
        .check()
        .await
        .unwrap();
    assert_eq!(vault.requests().len(), before + 1, "the login alone");
    vault.stop().await;
}

#[tokio::test]
async fn a_role_without_a_secret_id_needs_none() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["without_secret_id"] = json!(true);
    let vault = started(root).await;
    let auth = json!({ "approle": { "role_id": "role-1" } });
    let plugin = Platform::default().start(&vault, config(auth));
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    vault.stop().await;
}

#[tokio::test]
async fn tokens_that_are_used_up_are_refused() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["token"]["num_uses"] = json!(5);
    root["tokens"]["few"] = json!({ "policies": ["app"], "num_uses": 5 });
    let vault = started(root).await;
    let plugin = Platform::default().start(
        &vault,
        config(json!({ "approle": { "role_id": "role-1", "secret_id": "secret-1" } })),
    );
    assert_fault(
        &plugin.check().await.unwrap_err(),
        FaultKind::CONFIG,
        &["5 uses", "token_num_uses to 0"],
    );
    let plugin = Platform::default().start(&vault, config(json!({ "token": "few" })));
    assert_fault(
        &plugin.check().await.unwrap_err(),
        FaultKind::CONFIG,
        &["/auth/token", "found one for"],
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_token_is_renewed_when_it_is_used_and_replaced_at_its_longest_life() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["token"] =
        json!({ "policies": ["app"], "ttl": "1h", "max_ttl": "100m" });
    let vault = started(root).await;
    let platform = Platform::default();
    let auth = json!({ "approle": { "role_id": "role-1", "secret_id": "secret-1" } });
    let mut config = config(auth);
    config["cache_seconds"] = json!(0);
    let plugin = platform.start(&vault, config);
    value(&plugin).await.unwrap();
    platform.pass(&vault, 30 * 60);
    value(&plugin).await.unwrap();
    assert_eq!(
        vault.logins()[0].renewals,
        0,
        "there is half of its life left"
    );
    platform.pass(&vault, 12 * 60);
    value(&plugin).await.unwrap();
    assert_eq!((vault.logins().len(), vault.logins()[0].renewals), (1, 1));
    platform.pass(&vault, 42 * 60);
    value(&plugin).await.unwrap();
    assert_eq!(
        vault.logins().len(),
        2,
        "Vault gives it sixteen minutes more, so the next is fetched"
    );
    assert_eq!(
        vault.logins()[0].ended,
        Some(Ended::Revoked),
        "nothing needs it"
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_token_that_nobody_used_for_long_is_replaced_without_noise() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(
        &vault,
        config(json!({ "approle": { "role_id": "role-1", "secret_id": "secret-1" } })),
    );
    value(&plugin).await.unwrap();
    platform.pass(&vault, 3 * 3600);
    value(&plugin).await.unwrap();
    assert_eq!(vault.logins().len(), 2);
    assert_eq!((log.take("ERROR"), log.take("WARN")), (vec![], vec![]));
    vault.stop().await;
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once_and_a_given_one_is_not() {
    let vault = vault().await;
    let platform = Platform::default();
    let mut approle =
        config(json!({ "approle": { "role_id": "role-1", "secret_id": "secret-1" } }));
    approle["cache_seconds"] = json!(0);
    let plugin = platform.start(&vault, approle.clone());
    value(&plugin).await.unwrap();
    platform.pass(&vault, 120);
    vault.revoke_token(&vault.logins()[0].id);
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    assert_eq!(vault.logins().len(), 2);

    approle["auth"] = json!({ "token": "root" });
    let plugin = Platform::default().start(&vault, approle);
    value(&plugin).await.unwrap();
    vault.revoke_token("root");
    let fault = value(&plugin).await.unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &["/auth/token: expected a token that works"],
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_missing_policy_costs_one_login_a_minute_at_most() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, one("secret/other", json!({ "engine": "kv2" })));
    for _ in 0..3 {
        let fault = value(&plugin).await.unwrap_err();
        assert_fault(&fault, FaultKind::CONFIG, &["[app, default]"]);
    }
    assert_eq!(
        vault.logins().len(),
        1,
        "the token is a moment old, so another would be no better"
    );
    platform.pass(&vault, 61);
    for _ in 0..3 {
        value(&plugin).await.unwrap_err();
    }
    assert_eq!(vault.logins().len(), 2);
    assert_eq!(vault.logins()[0].ended, Some(Ended::Revoked));
    vault.stop().await;
}

#[tokio::test]
async fn a_token_that_may_not_look_itself_up_causes_no_storm_of_logins() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["token"]["no_default_policy"] = json!(true);
    let vault = started(root).await;
    let plugin = Platform::default().start(&vault, one("secret/other", json!({ "engine": "kv2" })));
    for _ in 0..3 {
        let fault = value(&plugin).await.unwrap_err();
        assert_fault(&fault, FaultKind::CONFIG, &["lookup-self", "\"default\""]);
    }
    assert_eq!(vault.logins().len(), 1);
    vault.stop().await;
}

#[tokio::test]
async fn a_vault_that_is_down_at_boot_is_transient_and_the_login_comes_later() {
    let vault = vault().await;
    let plugin = Platform::default().start(
        &vault,
        config(json!({ "approle": { "role_id": "role-1", "secret_id": "secret-1" } })),
    );
    vault.set_fault(
        Fault::Error(StatusCode::INTERNAL_SERVER_ERROR),
        Times::Next(3),
    );
    assert_fault(
        &plugin.check().await.unwrap_err(),
        FaultKind::TRANSIENT,
        &["status 500"],
    );
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    assert!(plugin.world().naps().contains(&Duration::from_millis(250)));
    vault.stop().await;
}
