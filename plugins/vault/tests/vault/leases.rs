//! Dynamic secrets: made for each workspace, revoked when it has gone, and nothing left behind.

use provisionhook_plugin_abi::wire::FaultKind;
use serde_json::json;
use vault::provider::Start;
use vault_server::{Ended, Fault, StatusCode, Times};

use crate::{
    database::{OTHER, database, ended, run},
    world::{ACME, Platform, assert_fault, setting, started, variables, vault},
};

#[tokio::test]
async fn a_workspace_has_a_user_of_its_own_until_it_ends() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, database("long"));
    let acme = variables(&plugin, &ACME).await.unwrap();
    let other = variables(&plugin, &OTHER).await.unwrap();
    assert_ne!(acme, other);
    let leases = vault.leases();
    assert_eq!(leases.len(), 2, "user and password come from one lease");
    for (found, lease) in [(&acme, &leases[0]), (&other, &leases[1])] {
        assert_eq!(found["DB_USER"], lease.data["username"].as_str().unwrap());
        assert_eq!(
            found["DB_PASSWORD"],
            lease.data["password"].as_str().unwrap()
        );
    }
    assert_eq!(
        platform.keys(),
        ["sessions", "workspace.ws-acme", "workspace.ws-other"]
    );

    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(ended(&vault), [Some(Ended::Revoked), None]);
    assert_eq!(platform.keys(), ["sessions", "workspace.ws-other"]);
    let before = vault.requests().len();
    plugin.ended(ACME.id).await.unwrap();
    plugin.ended("ws-never").await.unwrap();
    assert_eq!(
        vault.requests().len(),
        before,
        "there is nothing left to do"
    );
    vault.stop().await;
}

#[tokio::test]
async fn without_the_policy_to_revoke_the_lease_s_own_end_is_waited_for() {
    let mut root = setting();
    root["policies"]["app"]
        .as_object_mut()
        .unwrap()
        .remove("sys/leases/revoke");
    let vault = started(root).await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, database("long"));
    variables(&plugin, &ACME).await.unwrap();
    let fault = plugin.ended(ACME.id).await.unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &[
            "sys/leases/revoke",
            "allow \"update\"",
            "database/creds/long",
        ],
    );
    platform.pass(&vault, 601);
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(platform.keys(), ["sessions"]);
    vault.stop().await;
}

#[tokio::test]
async fn a_workspace_that_starts_anew_gives_up_what_it_had() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, database("long"));
    let first = variables(&plugin, &ACME).await.unwrap();
    let second = variables(&plugin, &ACME).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(ended(&vault), [Some(Ended::Revoked), None]);
    // What could not be revoked at once is neither renewed nor forgotten.
    vault.set_fault_at(
        "sys/leases/revoke",
        Fault::Error(StatusCode::INTERNAL_SERVER_ERROR),
        Times::Next(3),
    );
    variables(&plugin, &ACME).await.unwrap();
    run(&platform, &vault, &plugin, 900).await;
    assert_eq!(ended(&vault)[1..], [Some(Ended::Expired), None]);
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(ended(&vault)[2], Some(Ended::Revoked));
    vault.stop().await;
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_behind_once_it_has_ended() {
    let vault = vault().await;
    let platform = Platform::default();
    let mut config = database("long");
    config["variables"]["Z"] = json!({ "path": "secret/app/gone" });
    let plugin = platform.start(&vault, config);
    variables(&plugin, &ACME).await.unwrap_err();
    assert_eq!(ended(&vault), [None]);
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(ended(&vault), [Some(Ended::Revoked)]);
    vault.stop().await;
}

#[tokio::test]
async fn a_role_that_there_is_not_is_named() {
    let vault = vault().await;
    let plugin = Platform::default().start(&vault, database("none"));
    let fault = variables(&plugin, &ACME).await.unwrap_err();
    assert_fault(
        &fault,
        FaultKind::CONFIG,
        &[
            "database/creds/none",
            "(status 400): \"unknown role: none\"",
        ],
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_user_whose_password_rotates_has_no_lease() {
    let vault = vault().await;
    let platform = Platform::default();
    let config = json!({ "variables": { "P": { "path": "database/static-creds/app", "field": "password" } } });
    let plugin = platform.start(&vault, config);
    let first = variables(&plugin, &ACME).await.unwrap();
    assert_eq!(first, variables(&plugin, &OTHER).await.unwrap());
    assert_eq!(
        (platform.keys(), vault.leases().len()),
        (vec!["sessions".to_owned()], 0)
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_dry_run_makes_nothing_and_leaves_no_token() {
    let vault = vault().await;
    let platform = Platform::default().dry();
    let mut config = database("long");
    config["variables"]["KV"] = json!({ "path": "secret/app/db", "field": "password" });
    let plugin = platform.start(&vault, config);
    plugin.check().await.unwrap();
    let start = Start {
        id: ACME.id,
        attributes: &ACME,
        dry_run: true,
    };
    let found = plugin.variables(&start).await.unwrap();
    assert_eq!(
        (found["KV"].as_str(), found["DB_USER"].as_str()),
        ("hunter2", "not made in a dry run")
    );
    assert!(vault.leases().is_empty() && platform.keys().is_empty());
    let tokens = vault.logins();
    assert_eq!(tokens.len(), 2, "one to check the login, one to read");
    assert!(
        tokens
            .iter()
            .all(|token| token.ended == Some(Ended::Revoked))
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_lease_that_cannot_be_kept_is_revoked_at_once() {
    let vault = vault().await;
    let plugin = Platform::default().dry().start(&vault, database("long"));
    let fault = variables(&plugin, &ACME).await.unwrap_err();
    assert_fault(&fault, FaultKind::DENIED, &["keeps no state"]);
    assert_eq!(ended(&vault), [Some(Ended::Revoked)]);
    vault.stop().await;
}
