//! The platform restarts: leases of running workspaces live on, with the token that they depend on.

use provisionhook_provider_kit::memory::Memory;
use serde_json::{Value, json};
use vault::provider::Start;
use vault_server::Ended;

use crate::world::{ACME, Log, Platform, seconds, variables, vault};

fn config() -> Value {
    json!({ "variables": { "P": { "path": "database/creds/long", "field": "password" } } })
}

#[tokio::test]
async fn the_token_is_taken_up_and_the_leases_are_renewed_and_revoked() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, config());
    plugin.check().await.unwrap();
    variables(&plugin, &ACME).await.unwrap();
    drop(plugin);
    for _ in 0..24 {
        // Each time the platform was away for a while.
        platform.pass(&vault, 150);
        let plugin = platform.start(&vault, config());
        plugin.check().await.unwrap();
        plugin.tend(ACME.id).await.unwrap();
    }
    assert_eq!((vault.logins().len(), vault.leases().len()), (1, 1));
    assert!(vault.logins()[0].renewals > 0 && vault.leases()[0].renewals > 3);
    let plugin = platform.start(&vault, config());
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(vault.leases()[0].ended, Some(Ended::Revoked));
    vault.stop().await;
}

#[tokio::test]
async fn one_that_was_away_for_too_long_says_what_is_dead() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, config());
    variables(&plugin, &ACME).await.unwrap();
    platform.pass(&vault, 2 * 3600);
    let plugin = platform.start(&vault, config());
    plugin.check().await.unwrap();
    assert_eq!(seconds(plugin.tend(ACME.id).await.unwrap()), None);
    let errors = log.take("ERROR").join("\n");
    assert!(
        errors.contains("workspace=\"ws-acme\" variables=\"P\""),
        "{errors}"
    );
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(platform.keys(), ["sessions"]);
    vault.stop().await;
}

#[tokio::test]
async fn another_login_in_the_config_leaves_the_old_leases_alone() {
    let vault = vault().await;
    let platform = Platform::default();
    variables(&platform.start(&vault, config()), &ACME)
        .await
        .unwrap();
    let mut other = config();
    other["auth"] = json!({ "token": "root" });
    let plugin = platform.start(&vault, other);
    plugin.check().await.unwrap();
    for _ in 0..40 {
        let wait = seconds(plugin.tend(ACME.id).await.unwrap()).unwrap();
        platform.pass(&vault, wait + 1);
    }
    assert_eq!(vault.leases()[0].ended, None);
    assert!(
        vault.logins()[0].renewals > 1,
        "the login that the lease was made with is renewed, though another is used"
    );
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(vault.leases()[0].ended, Some(Ended::Revoked));
    vault.stop().await;
}

#[tokio::test]
async fn a_state_that_somebody_damaged_is_told_and_done_without() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    platform.start(&vault, config()).check().await.unwrap();
    Memory::write(&platform, "sessions", b"{\"sessions\":7")
        .await
        .unwrap();
    platform.start(&vault, config()).check().await.unwrap();
    assert!(log.take("ERROR")[0].contains("not what this plugin wrote"));
    assert_eq!(vault.logins().len(), 2);
    vault.stop().await;
}

#[tokio::test]
async fn a_dry_run_beside_the_platform_borrows_its_token_and_leaves_it_alone() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, config());
    variables(&plugin, &ACME).await.unwrap();
    let dry = async || {
        let explained = platform.dry().start(&vault, config());
        explained.check().await.unwrap();
        let start = Start {
            id: "explained",
            attributes: &ACME,
            dry_run: true,
        };
        explained.variables(&start).await.unwrap();
    };
    dry().await;
    // It would be renewed by now, if it were this run's.
    platform.pass(&vault, 55 * 60);
    dry().await;
    assert_eq!((vault.logins().len(), vault.logins()[0].renewals), (1, 0));
    assert_eq!(vault.logins()[0].ended, None);
    // It is too near its end to begin anything, so the dry run has one of its own.
    platform.pass(&vault, 3 * 60);
    dry().await;
    let ended: Vec<_> = vault.logins().iter().map(|token| token.ended).collect();
    assert_eq!(ended, [None, Some(Ended::Revoked)]);
    vault.stop().await;
}
