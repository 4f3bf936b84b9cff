//! Dynamic secrets while their workspace runs: renewed, warned of in time, and what becomes of them with their token.

use provisionhook_plugin_abi::wire::FaultKind;
use serde_json::json;
use vault_server::{Ended, Mode};

use crate::{
    database::{OTHER, database, ended, run},
    world::{ACME, Log, Platform, assert_fault, seconds, setting, started, variables, vault},
};

#[tokio::test]
async fn leases_and_their_token_are_renewed_for_as_long_as_the_workspace_runs() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("long"));
    variables(&plugin, &ACME).await.unwrap();
    let waits = run(&platform, &vault, &plugin, 8 * 3600).await;
    assert_eq!(ended(&vault), [None]);
    assert!(
        waits.iter().all(|wait| (1..=400).contains(wait)),
        "{waits:?}"
    );
    let (lease, token) = (&vault.leases()[0], &vault.logins()[0]);
    assert!((60..=80).contains(&lease.renewals), "{}", lease.renewals);
    assert!((10..=16).contains(&token.renewals), "{}", token.renewals);
    assert_eq!(vault.logins().len(), 1);
    assert_eq!((log.take("ERROR"), log.take("WARN")), (vec![], vec![]));
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(ended(&vault), [Some(Ended::Revoked)]);
    assert_eq!(seconds(plugin.tend(ACME.id).await.unwrap()), None);
    vault.stop().await;
}

#[tokio::test]
async fn a_renewal_that_comes_back_shorter_is_told_in_time_and_the_end_too() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("app"));
    variables(&plugin, &ACME).await.unwrap();
    run(&platform, &vault, &plugin, 19 * 60).await;
    assert_eq!(log.take("WARN"), Vec::<String>::new(), "nobody knows yet");
    run(&platform, &vault, &plugin, 3 * 60).await;
    let warnings = log.take("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for word in [
        "comes to its end",
        "workspace=\"ws-acme\"",
        "DB_PASSWORD, DB_USER",
        "database/creds/app",
        "longer max_ttl",
    ] {
        assert!(warnings[0].contains(word), "{word}: {warnings:?}");
    }
    assert_eq!(ended(&vault), [None], "there are minutes left to act");
    run(&platform, &vault, &plugin, 6 * 60).await;
    assert_eq!(ended(&vault), [Some(Ended::Expired)]);
    let errors = log.take("ERROR");
    assert!(
        errors.len() == 1 && errors[0].contains("has ended"),
        "{errors:?}"
    );
    assert_eq!(seconds(plugin.tend(ACME.id).await.unwrap()), None);
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(vault.requests_to("sys/leases/revoke"), 0);
    vault.stop().await;
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_is_warned_of_ten_minutes_before_its_end() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("fixed"));
    variables(&plugin, &ACME).await.unwrap();
    run(&platform, &vault, &plugin, 49 * 60).await;
    assert_eq!(log.take("WARN"), Vec::<String>::new());
    run(&platform, &vault, &plugin, 3 * 60).await;
    assert_eq!(log.take("WARN").len(), 1);
    assert_eq!(vault.requests_to("sys/leases/renew"), 0);
    run(&platform, &vault, &plugin, 10 * 60).await;
    assert_eq!(log.take("ERROR").len(), 1);
    vault.stop().await;
}

#[tokio::test]
async fn a_token_that_reaches_its_longest_life_takes_its_leases_along_and_that_is_told() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["token"] =
        json!({ "policies": ["app"], "ttl": "1h", "max_ttl": "90m" });
    let vault = started(root).await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("long"));
    variables(&plugin, &ACME).await.unwrap();
    run(&platform, &vault, &plugin, 65 * 60).await;
    let warnings = log.take("WARN").join("\n");
    assert!(
        warnings.contains("Vault does not extend the login's token any further"),
        "{warnings}"
    );
    run(&platform, &vault, &plugin, 20 * 60).await;
    let warnings = log.take("WARN").join("\n");
    assert!(warnings.contains("workspace=\"ws-acme\""), "{warnings}");
    // A workspace that starts now gets a lease of a new token.
    variables(&plugin, &OTHER).await.unwrap();
    assert_ne!(vault.leases()[1].token, vault.leases()[0].token);
    run(&platform, &vault, &plugin, 10 * 60).await;
    assert_eq!(ended(&vault)[0], Some(Ended::WithToken));
    let errors = log.take("ERROR").join("\n");
    assert!(
        errors.contains("the token that it was made with is"),
        "{errors}"
    );
    assert_eq!(ended(&vault)[1], None);
    vault.stop().await;
}

#[tokio::test]
async fn a_dead_token_is_told_loudly_and_new_workspaces_go_on() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("long"));
    variables(&plugin, &ACME).await.unwrap();
    platform.pass(&vault, 120);
    vault.revoke_token(&vault.logins()[0].id);
    variables(&plugin, &OTHER).await.unwrap();
    let errors = log.take("ERROR");
    assert!(
        errors[0].contains("every dynamic secret that was made with it is dead too"),
        "{errors:?}"
    );
    assert_eq!(ended(&vault), [Some(Ended::WithToken), None]);
    assert_eq!(seconds(plugin.tend(ACME.id).await.unwrap()), None);
    let errors = log.take("ERROR");
    assert!(
        errors.len() == 1 && errors[0].contains("workspace=\"ws-acme\""),
        "{errors:?}"
    );
    assert!(seconds(plugin.tend(OTHER.id).await.unwrap()).is_some());
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(ended(&vault)[1], None);
    vault.stop().await;
}

#[tokio::test]
async fn a_lease_that_somebody_revoked_is_told() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("long"));
    variables(&plugin, &ACME).await.unwrap();
    vault.revoke_lease(&vault.leases()[0].id);
    run(&platform, &vault, &plugin, 3600).await;
    let errors = log.take("ERROR");
    assert!(
        errors.len() == 1 && errors[0].contains("or was revoked"),
        "{errors:?}"
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_batch_token_s_end_is_the_lease_s() {
    let mut root = setting();
    root["auth"]["approle"]["approle"]["app"]["token"] =
        json!({ "policies": ["app"], "ttl": "30m", "batch": true });
    let vault = started(root).await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("long"));
    variables(&plugin, &ACME).await.unwrap();
    run(&platform, &vault, &plugin, 29 * 60).await;
    assert!(
        log.take("WARN")
            .join("\n")
            .contains("workspace=\"ws-acme\"")
    );
    run(&platform, &vault, &plugin, 3 * 60).await;
    assert!(!log.take("ERROR").is_empty());
    assert_eq!(vault.requests_to("auth/token/renew-self"), 0);
    vault.stop().await;
}

#[tokio::test]
async fn vault_may_be_down_for_a_while() {
    let vault = vault().await;
    let (platform, log) = (Platform::default(), Log::start());
    let plugin = platform.start(&vault, database("long"));
    variables(&plugin, &ACME).await.unwrap();
    platform.pass(&vault, 410);
    vault.set_mode(Mode::Sealed);
    for _ in 0..3 {
        let wait = seconds(plugin.tend(ACME.id).await.unwrap()).unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        platform.pass(&vault, wait);
    }
    assert!(log.take("WARN").join("\n").contains("sealed"));
    // An end while it is down is owed until it is up.
    assert_fault(
        &plugin.ended(ACME.id).await.unwrap_err(),
        FaultKind::TRANSIENT,
        &["sealed"],
    );
    vault.set_mode(Mode::Active);
    assert!(seconds(plugin.tend(ACME.id).await.unwrap()).unwrap() > 300);
    assert_eq!(ended(&vault), [None]);
    plugin.ended(ACME.id).await.unwrap();
    assert_eq!(ended(&vault), [Some(Ended::Revoked)]);
    vault.stop().await;
}
