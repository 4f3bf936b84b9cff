//! Vault is sealed, a standby, limited, behind, broken, or not Vault at all.

use std::time::Duration;

use provisionhook_plugin_abi::wire::FaultKind;
use serde_json::json;
use vault_server::{Fault, Mode, StatusCode, Times};

use crate::world::{Platform, assert_fault, one, value, vault};

#[tokio::test]
async fn each_state_of_the_node_is_transient_and_passes() {
    let vault = vault().await;
    let mut config = one("secret/app/db", json!({ "field": "password" }));
    config["cache_seconds"] = json!(0);
    let expectations = [
        (Mode::Sealed, "is sealed; unseal it"),
        (Mode::Uninitialized, "is sealed; unseal it"),
        (Mode::Leaderless, "active cluster node not found"),
        (
            Mode::DisasterRecovery,
            "is a secondary for disaster recovery",
        ),
    ];
    for (mode, words) in expectations {
        vault.set_mode(mode);
        let plugin = Platform::default().start(&vault, config.clone());
        assert_fault(
            &value(&plugin).await.unwrap_err(),
            FaultKind::TRANSIENT,
            &[words],
        );
        vault.set_mode(Mode::Active);
        assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    }
    for mode in [Mode::Standby, Mode::PerformanceStandby] {
        vault.set_mode(mode);
        let plugin = Platform::default().start(&vault, config.clone());
        assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    }
    vault.stop().await;
}

#[tokio::test]
async fn what_passes_in_a_moment_is_tried_again_at_once() {
    let vault = vault().await;
    for fault in [
        Fault::BehindIndex,
        Fault::Error(StatusCode::BAD_GATEWAY),
        Fault::Proxy(StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let platform = Platform::default();
        let plugin = platform.start(
            &vault,
            one(
                "secret/app/db",
                json!({ "field": "password", "engine": "kv2" }),
            ),
        );
        vault.set_fault_at("secret/", fault, Times::Next(2));
        assert_eq!(value(&plugin).await.unwrap(), "hunter2");
        assert_eq!(
            platform.naps(),
            [Duration::from_millis(250), Duration::from_secs(1)]
        );
    }
    vault.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_lost_is_tried_once_more() {
    let vault = vault().await;
    let plugin = Platform::default().start(
        &vault,
        one(
            "secret/app/db",
            json!({ "field": "password", "engine": "kv2" }),
        ),
    );
    vault.set_fault_at("secret/", Fault::CutInTheMiddle, Times::Next(1));
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    vault.set_fault_at("secret/", Fault::CutInTheMiddle, Times::Always);
    let plugin = Platform::default().start(
        &vault,
        one(
            "secret/app/db",
            json!({ "field": "password", "engine": "kv2" }),
        ),
    );
    value(&plugin).await.unwrap_err();
    assert_eq!(vault.requests_to("secret/data/app/db"), 4);
    vault.stop().await;
}

#[tokio::test]
async fn what_does_not_pass_is_transient_and_asked_once_each_for_a_while() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(
        &vault,
        one(
            "secret/app/db",
            json!({ "field": "password", "engine": "kv2" }),
        ),
    );
    vault.set_fault_at("secret/", Fault::BehindIndex, Times::Always);
    assert_fault(
        &value(&plugin).await.unwrap_err(),
        FaultKind::TRANSIENT,
        &["has not caught up", "(status 412)"],
    );
    assert_eq!(vault.requests_to("secret/data/app/db"), 3);
    value(&plugin).await.unwrap_err();
    assert_eq!(vault.requests_to("secret/data/app/db"), 4);
    platform.pass(&vault, 6);
    value(&plugin).await.unwrap_err();
    assert_eq!(vault.requests_to("secret/data/app/db"), 7);
    vault.stop().await;
}

#[tokio::test]
async fn a_quota_is_obeyed() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, one("secret/app/db", json!({ "field": "password" })));
    for (told, waits) in [(Some(Duration::from_secs(17)), 17), (None, 5)] {
        vault.set_fault(Fault::RateLimited(told), Times::Next(1));
        let fault = value(&plugin).await.unwrap_err();
        assert_fault(&fault, FaultKind::TRANSIENT, &["rate limit of Vault"]);
        assert_eq!(fault.retry_delay().unwrap().as_secs(), waits);
        let before = vault.requests().len();
        value(&plugin).await.unwrap_err();
        assert_eq!(vault.requests().len(), before, "nobody asks meanwhile");
        platform.pass(&vault, waits + 1);
    }
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    vault.stop().await;
}

#[tokio::test]
async fn what_is_not_vault_is_found_out() {
    let vault = vault().await;
    let config = one(
        "secret/app/db",
        json!({ "field": "password", "engine": "kv2" }),
    );
    let expectations = [
        (
            Fault::Proxy(StatusCode::NOT_FOUND),
            FaultKind::CONFIG,
            "correct /address, or look for a proxy",
        ),
        (
            Fault::Proxy(StatusCode::FORBIDDEN),
            FaultKind::CONFIG,
            "correct /address, or look for a proxy",
        ),
        (
            Fault::Proxy(StatusCode::MOVED_PERMANENTLY),
            FaultKind::CONFIG,
            "correct /address",
        ),
        (
            Fault::NotJson,
            FaultKind::TRANSIENT,
            "expected JSON from Vault",
        ),
        (
            Fault::HugeBody(9 * 1024 * 1024),
            FaultKind::TRANSIENT,
            "too long",
        ),
    ];
    for (fault, kind, words) in expectations {
        let plugin = Platform::default().start(&vault, config.clone());
        vault.set_fault_at("secret/", fault, Times::Always);
        assert_fault(&value(&plugin).await.unwrap_err(), kind, &[words]);
        vault.clear_fault();
        assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    }
    vault.stop().await;
}

#[tokio::test]
async fn an_older_value_does_while_vault_is_down() {
    let vault = vault().await;
    let platform = Platform::default();
    let plugin = platform.start(&vault, one("secret/app/db", json!({ "field": "password" })));
    value(&plugin).await.unwrap();
    vault.set_mode(Mode::Sealed);
    platform.pass(&vault, 1800);
    assert_eq!(value(&plugin).await.unwrap(), "hunter2");
    platform.pass(&vault, 1900);
    assert_fault(
        &value(&plugin).await.unwrap_err(),
        FaultKind::TRANSIENT,
        &["sealed"],
    );
    vault.stop().await;
}

#[tokio::test]
async fn a_lease_is_not_made_twice_when_an_answer_is_lost() {
    let vault = vault().await;
    let plugin = Platform::default().start(
        &vault,
        one("database/creds/long", json!({ "field": "password" })),
    );
    vault.set_fault_at("database/", Fault::LostAnswer, Times::Next(1));
    assert_fault(
        &value(&plugin).await.unwrap_err(),
        FaultKind::TRANSIENT,
        &["no answer"],
    );
    assert_eq!(vault.leases().len(), 1);
    vault.stop().await;
}

#[tokio::test]
async fn what_a_standby_may_say_is_transient() {
    let vault = vault().await;
    for status in [472, 473, 474] {
        let plugin = Platform::default().start(&vault, one("secret/app/db", json!({})));
        let status_code = StatusCode::from_u16(status).unwrap();
        vault.set_fault_at("secret/", Fault::Error(status_code), Times::Next(1));
        let fault = value(&plugin).await.unwrap_err();
        assert_fault(&fault, FaultKind::TRANSIENT, &[&format!("status {status}")]);
    }
    vault.stop().await;
}
