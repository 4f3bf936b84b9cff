//! What GitHub is asked at boot.

use github_server::{Fault, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{OTHER_KEY, acme, app, paths};

#[tokio::test]
async fn key_and_issuer_are_proved_and_nothing_else_is_asked() {
    let github = acme().start().await.unwrap();
    app(&github, json!({})).check().await.unwrap();
    assert_eq!(paths(&github), ["/app"]);
    for (changes, words) in [
        (
            json!({ "private_key": OTHER_KEY }),
            "private key is not this App's",
        ),
        (json!({ "app_id": 999 }), "no such App"),
    ] {
        let fault = app(&github, changes).check().await.unwrap_err();
        assert_fault(&fault, FaultKind::CONFIG, &[words]);
    }
    github.stop().await;
}

#[tokio::test]
async fn a_github_that_is_out_of_order_keeps_no_plugin_from_starting() {
    let github = acme().start().await.unwrap();
    for broken in [
        Fault::ServerError(StatusCode::BAD_GATEWAY),
        Fault::CutInTheMiddle,
        Fault::NotJson,
        Fault::RateLimitedSecondary {
            status: StatusCode::FORBIDDEN,
            retry_after: None,
        },
    ] {
        github.set_fault(broken, Times::Next(1));
        app(&github, json!({})).check().await.unwrap();
    }
    assert_eq!(paths(&github), ["/app"; 4]);
    github.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_here_too() {
    let github = acme().start().await.unwrap();
    github.set_clock_skew(-7200);
    app(&github, json!({})).check().await.unwrap();
    assert_eq!(paths(&github), ["/app"; 2]);
    github.stop().await;
}
