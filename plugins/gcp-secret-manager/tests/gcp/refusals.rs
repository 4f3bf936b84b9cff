//! Throttling, outages, and what stands between.

use std::time::Duration;

use gcp_server::{Fault, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, pairs};
use serde_json::json;

use crate::world::{fault, google_with_x, plugin, refused, variables};

#[tokio::test]
async fn a_throttled_request_is_repeated_after_a_pause_and_then_left_alone() {
    let google = google_with_x().await;
    let core = google.core();
    core.set_fault(":access", Fault::RateLimited(None), Times::Next(2));
    let first = plugin(&google, json!({}), &[]).await.unwrap();
    assert_eq!(variables(&first).await, pairs(&[("X", "v")]));
    assert_eq!(first.outside().naps().len(), 2);
    core.set_fault(":access", Fault::RateLimited(None), Times::Always);
    let second = plugin(&google, json!({}), &[]).await.unwrap();
    assert_fault(
        &fault(&second).await,
        FaultKind::TRANSIENT,
        &["rate limit of Google Secret Manager"],
    );
    let asked = core.count(":access");
    assert_eq!(fault(&second).await.kind(), FaultKind::TRANSIENT);
    assert_eq!(core.count(":access"), asked, "it is left alone");
    core.set_fault(
        ":access",
        Fault::RateLimited(Some(Duration::from_secs(17))),
        Times::Always,
    );
    let third = plugin(&google, json!({}), &[]).await.unwrap();
    let told = fault(&third).await;
    assert_eq!(
        told.retry_delay().map(|delay| delay.as_secs()),
        Some(17),
        "{told}"
    );
    assert_eq!(
        core.count(":access"),
        asked + 1,
        "who says how long is not asked before"
    );
}

#[tokio::test]
async fn an_outage_is_tried_through_and_then_transient() {
    let google = google_with_x().await;
    let core = google.core();
    let plugin = plugin(&google, json!({ "cache_seconds": 0 }), &[])
        .await
        .unwrap();
    core.set_fault(
        ":access",
        Fault::ServerError(StatusCode::BAD_GATEWAY),
        Times::Next(2),
    );
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
    plugin.outside().set_clock(4000);
    core.clock.set_skew(4000);
    let expectations = [
        (
            Fault::ServerError(StatusCode::SERVICE_UNAVAILABLE),
            "out of order (status 503)",
        ),
        (Fault::CutInTheMiddle, "no answer"),
        (Fault::NotJson, "expected JSON"),
        (Fault::HugeBody(1024 * 1024), "too long"),
    ];
    for (broken, words) in expectations {
        core.set_fault(":access", broken, Times::Always);
        assert_fault(&fault(&plugin).await, FaultKind::TRANSIENT, &[words]);
    }
    core.clear_fault();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
}

#[tokio::test]
async fn a_token_endpoint_that_is_down_keeps_nobody_from_booting() {
    let google = google_with_x().await;
    google.core().set_fault(
        "POST /token",
        Fault::ServerError(StatusCode::SERVICE_UNAVAILABLE),
        Times::Always,
    );
    let plugin = plugin(&google, json!({}), &[]).await.unwrap();
    assert_fault(
        &fault(&plugin).await,
        FaultKind::TRANSIENT,
        &["Google's token endpoint", "status 503"],
    );
    google.core().clear_fault();
    assert_eq!(variables(&plugin).await, pairs(&[("X", "v")]));
}

#[tokio::test]
async fn an_api_that_is_switched_off_and_tokens_that_nobody_takes_are_the_operators() {
    let google = google_with_x().await;
    google.set_service_off(true);
    let off = plugin(&google, json!({}), &[]).await.unwrap();
    assert_fault(
        &fault(&off).await,
        FaultKind::CONFIG,
        &["gcloud services enable"],
    );
    google
        .core()
        .set_fault(":access", Fault::Unauthorized, Times::Always);
    let unknown = plugin(&google, json!({}), &[]).await.unwrap();
    assert_fault(
        &fault(&unknown).await,
        FaultKind::CONFIG,
        &["does not accept the access token (status 401)"],
    );
}

#[tokio::test]
async fn without_a_token_only_an_emulator_is_asked() {
    let google = google_with_x().await;
    let plugin = plugin(
        &google,
        json!({ "credentials": "none", "project": "p" }),
        &[],
    )
    .await
    .unwrap();
    assert_fault(&fault(&plugin).await, FaultKind::CONFIG, &["status 401"]);
    assert!(google.issued().is_empty());
    let elsewhere = json!({ "credentials": "none", "endpoint": "https://secrets.example" });
    assert_fault(
        &refused(crate::world::plugin(&google, elsewhere, &[]).await),
        FaultKind::CONFIG,
        &["on this machine alone"],
    );
}
