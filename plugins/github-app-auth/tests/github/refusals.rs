//! GitHub says no, or nothing sensible: the kind of fault, and what the operator reads.

use std::time::Duration;

use github_app_auth::app::Errand;
use github_server::{Fault, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{INSTALLATION, OTHER_KEY, acme, app, fault, mint, wish};

#[tokio::test]
async fn another_app_s_identity_is_the_operator_s_to_mend() {
    let github = acme().start().await.unwrap();
    let expectations = [
        (
            json!({ "private_key": OTHER_KEY }),
            ["app id 123456", "private key is not this App's"],
        ),
        (json!({ "app_id": 999 }), ["app id 999", "no such App"]),
        (
            json!({ "client_id": "Iv23liNobody" }),
            ["client id Iv23liNobody", "no such App"],
        ),
        (
            json!({ "client_id": "nobody" }),
            ["client id nobody", "does not take this for an App"],
        ),
    ];
    for (changes, words) in expectations {
        assert_fault(
            &fault(&app(&github, changes)).await,
            FaultKind::CONFIG,
            &words,
        );
    }
    github.set_fault(Fault::BadCredentials, Times::Always);
    assert_fault(
        &fault(&app(&github, json!({}))).await,
        FaultKind::CONFIG,
        &["bad credentials", "/private_key"],
    );
    github.stop().await;
}

#[tokio::test]
async fn a_suspended_installation_is_denied_until_it_is_not() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    assert!(github.suspend_by(INSTALLATION, "ada"));
    assert_fault(
        &fault(&app).await,
        FaultKind::DENIED,
        &[
            "installation 42 is suspended: ada did it at 20",
            "an owner of acme ends it",
            "only they can",
        ],
    );
    assert!(github.set_suspended(INSTALLATION, false));
    mint(&app).await.unwrap();
    github.stop().await;
}

#[tokio::test]
async fn what_was_not_granted_is_named_and_blamed_on_who_asked() {
    let github = acme().start().await.unwrap();
    let greedy = app(&github, json!({ "permissions": { "contents": "admin" } }));
    assert_fault(
        &fault(&greedy).await,
        FaultKind::CONFIG,
        &["installation 42", "contents: admin"],
    );
    let mistyped = app(&github, json!({ "repositories": ["wbe"] }));
    assert_fault(
        &fault(&mistyped).await,
        FaultKind::CONFIG,
        &["installation 42", "[wbe]"],
    );

    let open = app(&github, json!({}));
    let admin = wish(&open, &[], &[("administration", "write")]).unwrap();
    let fault = open.mint(&admin, Errand::default()).await.unwrap_err();
    assert_fault(&fault, FaultKind::DENIED, &["administration: write"]);
    let secret = wish(&open, &["acme/secret"], &[]).unwrap();
    let fault = open.mint(&secret, Errand::default()).await.unwrap_err();
    assert_fault(&fault, FaultKind::DENIED, &["[secret]"]);
    github.stop().await;
}

#[tokio::test]
async fn a_github_that_is_out_of_order_is_transient_and_recovers() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    let expectations = [
        (Fault::ServerError(StatusCode::BAD_GATEWAY), "status 502"),
        (Fault::CutInTheMiddle, "no answer"),
        (Fault::NotJson, "expected JSON from GitHub"),
        (Fault::HugeBody(9 * 1024 * 1024), "too long"),
        (Fault::EmptyToken, "an empty one"),
        (Fault::ExpiredOnArrival, "one that expired at"),
    ];
    for (broken, words) in expectations {
        github.set_fault(broken, Times::Next(1));
        assert_fault(&fault(&app).await, FaultKind::TRANSIENT, &[words]);
        mint(&app).await.unwrap();
    }
    github.set_fault(Fault::Slow(Duration::from_millis(50)), Times::Next(1));
    mint(&app).await.unwrap();
    github.stop().await;
}
