//! GitHub's rate limits are obeyed.

use std::time::Duration;

use github_server::{Fault, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{acme, app, fault, mint};

#[tokio::test]
async fn each_limit_tells_how_long_to_wait_and_nobody_asks_meanwhile() {
    let secondary = |status, retry_after| Fault::RateLimitedSecondary {
        status,
        retry_after,
    };
    let expectations = [
        (
            Fault::RateLimitedPrimary(Duration::from_secs(600)),
            595..=600,
        ),
        (
            secondary(StatusCode::FORBIDDEN, Some(Duration::from_secs(17))),
            17..=17,
        ),
        (
            secondary(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(90))),
            90..=90,
        ),
        (secondary(StatusCode::FORBIDDEN, None), 60..=60),
        (secondary(StatusCode::TOO_MANY_REQUESTS, None), 60..=60),
    ];
    for (limit, expected) in expectations {
        let github = acme().start().await.unwrap();
        let app = app(&github, json!({}));
        github.set_fault(limit, Times::Next(1));
        let first = fault(&app).await;
        assert_fault(&first, FaultKind::TRANSIENT, &["rate limit"]);
        let wait = first.retry_delay().unwrap();
        assert!(expected.contains(&wait.as_secs()), "{wait:?}");

        assert_fault(&fault(&app).await, FaultKind::TRANSIENT, &["rate limit"]);
        assert_eq!(github.token_requests(), 1);
        app.outside().set_clock(601);
        github.set_clock_skew(601);
        mint(&app).await.unwrap();
        github.stop().await;
    }
}
