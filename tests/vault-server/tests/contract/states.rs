//! States of the node that the drive with hvac leaves out.

use vault_server::Mode;

use crate::client::{get, server};

#[tokio::test]
async fn a_standby_that_cannot_forward_redirects_with_path_and_query() {
    let vault = server().await;
    vault.set_mode(Mode::Redirecting("https://active.example:8200".to_owned()));
    let answer = get(&vault, "secret/data/db?version=1", "hvs.app").await;
    assert_eq!(answer.status, 307);
    assert_eq!(
        answer.headers["location"],
        "https://active.example:8200/v1/secret/data/db?version=1"
    );
    vault.set_mode(Mode::DisasterRecovery);
    let answer = get(&vault, "secret/data/db", "hvs.app").await;
    assert_eq!(
        answer.json()["errors"][0],
        "path disabled in replication DR secondary mode"
    );
    vault.set_mode(Mode::PerformanceStandby);
    assert_eq!(get(&vault, "secret/data/db", "hvs.app").await.status, 200);
    vault.stop().await;
}

#[tokio::test]
async fn the_seal_s_state_is_for_everybody() {
    let vault = server().await;
    vault.set_mode(Mode::Sealed);
    let status = get(&vault, "sys/seal-status", "").await;
    assert_eq!(
        (status.status, &status.json()["sealed"]),
        (200, &true.into())
    );
    let refused = get(&vault, "secret/data/db", "hvs.app").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.text, r#"{"errors":["Vault is sealed"]}"#);
    vault.stop().await;
}
