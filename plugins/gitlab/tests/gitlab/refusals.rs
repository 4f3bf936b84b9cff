//! GitLab says no: the kind of fault, and what the operator reads.

use std::time::Duration;

use gitlab_server::{Fault, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{Ground, builder};

#[tokio::test]
async fn a_blocked_user_is_the_operator_s_to_mend_and_no_reason_to_stop() {
    let ground = Ground::new().await;
    let plugin = ground.start(&ground.token(&["api"], 3), json!({}));
    assert!(ground.gitlab.set_blocked("ada", true));
    assert_fault(
        &plugin.fault().await,
        FaultKind::CONFIG,
        &["a blocked user", "unblock"],
    );
    assert!(ground.gitlab.set_blocked("ada", false));
    plugin.token().await.unwrap();
}

#[tokio::test]
async fn a_banned_address_is_left_alone() {
    let ground =
        Ground::with(builder().ban(1, Duration::from_secs(60), Duration::from_secs(600))).await;
    let wrong = ground.start("glpat-never-heard-of-it", json!({}));
    assert_fault(&wrong.fault().await, FaultKind::CONFIG, &["401"]);
    let plugin = ground.start(&ground.token(&["api"], 3), json!({}));
    for _ in 0..3 {
        let fault = plugin.fault().await;
        assert_fault(
            &fault,
            FaultKind::TRANSIENT,
            &["banned its address", "15 minutes"],
        );
        assert!(
            fault
                .retry_delay()
                .is_some_and(|delay| delay.as_secs() > 890)
        );
    }
    assert_eq!(ground.gitlab.core().requests().len(), 2);
    ground.pass(901);
    plugin.token().await.unwrap();
}

#[tokio::test]
async fn a_limit_is_obeyed_in_each_way_that_gitlab_tells_it() {
    let ground = Ground::new().await;
    for (told, waits) in [(Some(Duration::from_secs(17)), 17), (None, 60)] {
        let plugin = ground.start(&ground.token(&["api"], 3), json!({}));
        let before = ground.gitlab.core().requests().len();
        let limited = Fault::RateLimited(told);
        ground.gitlab.core().set_fault("", limited, Times::Next(1));
        for _ in 0..3 {
            let fault = plugin.fault().await;
            assert_fault(&fault, FaultKind::TRANSIENT, &["rate limit of GitLab"]);
            assert!(fault.retry_delay().unwrap().as_secs().abs_diff(waits) <= 1);
        }
        assert_eq!(ground.gitlab.core().requests().len(), before + 1);
        ground.pass(waits.cast_signed() + 1);
        plugin.token().await.unwrap();
    }
}

#[tokio::test]
async fn a_gitlab_that_is_out_of_order_is_transient_and_recovers() {
    let ground = Ground::new().await;
    for (broken, words) in [
        (Fault::ServerError(StatusCode::BAD_GATEWAY), "status 502"),
        (Fault::NotJson, "expected JSON"),
        (Fault::HugeBody(2_000_000), "too long"),
        (Fault::LostAnswer, "no answer"),
    ] {
        let plugin = ground.start(&ground.token(&["api"], 3), json!({}));
        ground.gitlab.core().set_fault("", broken, Times::Next(1));
        assert_fault(&plugin.fault().await, FaultKind::TRANSIENT, &[words]);
        plugin.token().await.unwrap();
    }
}
