//! What a test does and sees from outside.

use std::time::Duration;

use serde_json::{Value, json};
use vault_server::{Ended, StartError, VaultServer};

use crate::client::{get, post, server, world};

#[tokio::test]
async fn leases_show_how_they_ended() {
    let vault = server().await;
    let child = json!({ "policies": ["app"], "ttl": "5m" });
    let child = post(&vault, "auth/token/create", "root", child)
        .await
        .json();
    let child = child["auth"]["client_token"].as_str().unwrap().to_owned();
    for token in ["hvs.app", "hvs.app", &child] {
        assert_eq!(get(&vault, "database/creds/app", token).await.status, 200);
    }
    let leases = vault.leases();
    assert_eq!(leases[2].token, child);
    assert!(leases[0].data["password"].is_string() && leases[0].ended.is_none());
    vault.revoke_lease(&leases[0].id);
    vault.advance_clock(Duration::from_secs(300));
    let ended = |vault: &VaultServer| -> Vec<_> {
        vault.leases().iter().map(|lease| lease.ended).collect()
    };
    assert_eq!(
        ended(&vault),
        [Some(Ended::Revoked), None, Some(Ended::WithToken)]
    );
    vault.advance_clock(Duration::from_secs(300));
    assert_eq!(ended(&vault)[1], Some(Ended::Expired));

    assert_eq!(
        get(&vault, "database/creds/app", "hvs.app").await.status,
        200
    );
    vault.revoke_token("hvs.app");
    assert_eq!(ended(&vault)[3], Some(Ended::WithToken));
    assert_eq!(get(&vault, "secret/data/db", "hvs.app").await.status, 403);
    let token = vault
        .tokens()
        .into_iter()
        .find(|token| token.id == child)
        .unwrap();
    assert_eq!(token.ended, Some(Ended::Expired));
    vault.stop().await;
}

#[tokio::test]
async fn requests_are_on_record() {
    let vault = server().await;
    get(&vault, "secret/data/db?version=1", "hvs.app").await;
    get(&vault, "secret/data/db", "nobody").await;
    let records = vault.requests();
    assert_eq!(
        (records[0].method.as_str(), records[0].path.as_str()),
        ("GET", "secret/data/db")
    );
    assert_eq!(
        (records[0].status, records[1].status),
        (Some(200), Some(403))
    );
    assert_eq!(vault.requests_to("secret/data/db"), 2);
    assert!(vault.logins().is_empty());
    vault.stop().await;
}

#[tokio::test]
async fn a_world_that_cannot_be_is_refused() {
    let start = async |world: Value| VaultServer::builder().world(world).start().await.err();
    let mut unknown = world();
    unknown["namespace"] = json!({});
    assert!(matches!(start(unknown).await, Some(StartError::World(_))));
    let mut keyless = world();
    keyless["namespaces"][""]["auth"] =
        json!({ "jwt": { "jwt": { "public_key": "none", "roles": {} } } });
    assert!(matches!(
        start(keyless).await,
        Some(StartError::PublicKey(_))
    ));
    let open = VaultServer::builder()
        .listen("0.0.0.0:0".parse().unwrap())
        .start()
        .await;
    assert!(matches!(open.err(), Some(StartError::Listen(_))));
}
