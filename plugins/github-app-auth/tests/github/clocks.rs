//! GitHub's clock and the host's are hours apart, and tokens come all the same.

use jiff::SignedDuration;
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{acme, app, fault, mint};

#[tokio::test]
async fn a_skew_costs_one_more_request_once() {
    for skew in [-7200, -300, 700, 7200] {
        let github = acme().start().await.unwrap();
        github.set_clock_skew(skew);
        let app = app(&github, json!({}));
        for _ in 0..2 {
            let minted = mint(&app).await.unwrap();
            let left = minted.left(app.now()).as_secs();
            assert!(
                (3595..=3601).contains(&left),
                "by the host's clock, {left} s are left at a skew of {skew} s"
            );
        }
        assert_eq!(github.token_requests(), 3, "at a skew of {skew} s");
        github.stop().await;
    }
}

#[tokio::test]
async fn a_slow_clock_that_github_does_not_mind_shortens_no_life() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    app.outside().set_clock(-300);
    let minted = mint(&app).await.unwrap();
    assert_eq!(github.token_requests(), 1);
    assert!(
        minted.left(app.now()) <= SignedDuration::from_secs(3601),
        "the token ends when GitHub says so"
    );
    github.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_set_right_again_is_noticed() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({}));
    app.outside().set_clock(5000);
    mint(&app).await.unwrap();
    app.outside().set_clock(0);
    let minted = mint(&app).await.unwrap();
    assert!((3595..=3601).contains(&minted.left(app.now()).as_secs()));
    github.stop().await;
}

#[tokio::test]
async fn a_refusal_for_another_reason_is_not_repeated() {
    let github = acme().start().await.unwrap();
    let app = app(&github, json!({ "app_id": 999 }));
    assert_fault(&fault(&app).await, FaultKind::CONFIG, &["no such App"]);
    assert_eq!(github.token_requests(), 1);
    github.stop().await;
}
