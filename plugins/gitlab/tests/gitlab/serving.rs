//! The configured token, handed out as it is.

use std::time::Duration;

use gitlab::{day, patience::Patience};
use gitlab_server::{Fault, Times, TokenForm};
use jiff::Timestamp;
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;

use crate::world::{DAY, Ground, builder};

#[tokio::test]
async fn it_is_handed_out_until_midnight_utc_of_its_day() {
    for form in [TokenForm::Classic, TokenForm::Routable] {
        let ground = Ground::with(builder().token_form(form)).await;
        let token = ground.token(&["read_api"], 3);
        let plugin = ground.start(&token, json!({}));
        let current = plugin.current().await.unwrap();
        assert_eq!(current.token.as_str(), token);
        let end = day::midnight(day::days_from(Timestamp::now(), 3));
        assert_eq!(current.good_until, Some(end));
        assert_eq!(current.rotation_at, None);
        let left = end.as_second() - Timestamp::now().as_second();
        ground.pass(left - 5);
        assert_eq!(plugin.token().await.unwrap(), token);
        ground.pass(5);
        assert_fault(
            &plugin.fault().await,
            FaultKind::CONFIG,
            &["that ended on", "make a new one"],
        );
        assert_eq!(
            ground.disk.keys(),
            0,
            "nothing is remembered of a token that is not rotated"
        );
    }
}

#[tokio::test]
async fn a_token_without_an_end_says_none() {
    let ground = Ground::new().await;
    let token = ground.gitlab.personal_token("ada", &["api"], None);
    let plugin = ground.start(&token, json!({ "rotate": {} }));
    let current = plugin.current().await.unwrap();
    assert_eq!((current.good_until, current.rotation_at), (None, None));
    ground.pass(1000 * DAY);
    assert_eq!(plugin.token().await.unwrap(), token);
    assert!(ground.rotations().is_empty());
}

#[tokio::test]
async fn gitlab_is_asked_once_in_five_minutes_by_however_many() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 3);
    let plugin = ground.start(&token, json!({}));
    let asks = || async {
        let many = (0..100).map(|_| plugin.token());
        for found in join(many).await {
            assert_eq!(found.unwrap(), token);
        }
        ground.gitlab.core().requests().len()
    };
    assert_eq!(asks().await, 1);
    ground.pass(299);
    assert_eq!(asks().await, 1);
    ground.pass(2);
    assert_eq!(asks().await, 2);
}

/// Polls all of them in turn until each is done.
async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut running {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if running.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn a_gitlab_that_is_down_does_not_take_the_token_away() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 3);
    let plugin = ground.start(&token, json!({}));
    ground
        .gitlab
        .core()
        .set_fault("", Fault::CutInTheMiddle, Times::Always);
    assert_fault(&plugin.fault().await, FaultKind::TRANSIENT, &["no answer"]);
    plugin.keeper.check().await.unwrap();
    ground.gitlab.core().clear_fault();
    assert_eq!(plugin.token().await.unwrap(), token);

    ground
        .gitlab
        .core()
        .set_fault("", Fault::NotJson, Times::Always);
    ground.pass(600);
    assert_eq!(plugin.token().await.unwrap(), token);
    let asked = ground.gitlab.core().requests().len();
    assert_eq!(plugin.token().await.unwrap(), token);
    assert_eq!(
        ground.gitlab.core().requests().len(),
        asked,
        "not at each ask"
    );
    ground.gitlab.core().set_fault(
        "",
        Fault::RateLimited(Some(Duration::from_secs(120))),
        Times::Always,
    );
    ground.pass(31);
    assert_eq!(plugin.token().await.unwrap(), token);
    ground.pass(100);
    assert_eq!(plugin.token().await.unwrap(), token);
    assert_eq!(
        ground.gitlab.core().requests().len(),
        asked + 1,
        "the wait is obeyed"
    );
}

#[tokio::test]
async fn what_is_wrong_with_the_token_is_said_at_boot() {
    let ground = Ground::new().await;
    let dead = ground.token(&["api"], 3);
    assert!(ground.gitlab.revoke(&dead));
    for (token, words) in [
        ("glpat-never-heard-of-it", "401 Unauthorized"),
        (&dead, "Token was revoked"),
    ] {
        let plugin = ground.start(token, json!({}));
        let fault = plugin.keeper.check().await.unwrap_err();
        assert_fault(
            &fault,
            FaultKind::CONFIG,
            &[words, "make a new token in GitLab"],
        );
        assert!(!fault.message().contains(token));
    }
    let good = ground.start(&ground.token(&["api"], 3), json!({}));
    good.keeper.check().await.unwrap();
    let before = ground.gitlab.core().requests().len();
    good.token().await.unwrap();
    assert_eq!(
        ground.gitlab.core().requests().len(),
        before + 1,
        "boot is no workspace"
    );
}

#[tokio::test]
async fn after_the_first_401_gitlab_is_left_alone() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 3);
    let plugin = ground.start(&token, json!({}));
    ground
        .gitlab
        .core()
        .set_fault("", Fault::Unauthorized, Times::Next(1));
    for _ in 0..40 {
        assert_fault(
            &plugin.fault().await,
            FaultKind::CONFIG,
            &["status 401", "15 minutes"],
        );
    }
    assert_eq!(ground.gitlab.core().requests().len(), 1);
    ground.pass(15 * 60 + 1);
    assert_eq!(plugin.token().await.unwrap(), token);
    let look = plugin.keeper.current(Patience::LOOK_ONLY).await.unwrap();
    assert_eq!(look.token.as_str(), token);
}
