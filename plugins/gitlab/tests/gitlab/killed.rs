//! The platform dies in the middle of a rotation, at each of its steps, and starts again: the token's family lives.

use std::time::Duration;

use gitlab_server::{Fault, StatusCode, Times};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::assert_fault;
use serde_json::json;
use tokio::time::timeout;

use crate::world::{DAY, Ground, Plugin, Step};

const MINUTE: i64 = 60;

/// A token whose rotation is due, and a process that dies at this step of it.
async fn killed_at(step: Step, after: usize) -> (Ground, String) {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 5);
    let plugin = start(&ground, &token);
    *plugin.process().death.lock().unwrap() = Some((step, after));
    let waited = timeout(Duration::from_secs(1), plugin.token()).await;
    assert!(waited.is_err(), "{step:?} {after}: it did not die");
    (ground, token)
}

fn start(ground: &Ground, token: &str) -> Plugin {
    ground.start(token, json!({ "rotate": {} }))
}

/// No rotation was ever asked for with a dead token, and one of the family lives.
fn assert_family_lives(ground: &Ground, rotations: usize) {
    assert_eq!(ground.rotations(), vec![200; rotations]);
    assert_eq!(ground.living().len(), 1);
}

#[tokio::test]
async fn before_the_intent_is_on_the_disk_nothing_has_happened() {
    let (ground, token) = killed_at(Step::BeforeWrite, 0).await;
    assert_family_lives(&ground, 0);
    let again = start(&ground, &token);
    assert_ne!(again.token().await.unwrap(), token);
    assert_family_lives(&ground, 1);
}

#[tokio::test]
async fn after_the_intent_the_old_token_is_used_until_it_is_certain_that_it_lives_on() {
    for step in [(Step::AfterWrite, 0), (Step::BeforePost, 0)] {
        let (ground, token) = killed_at(step.0, step.1).await;
        let again = start(&ground, &token);
        again.keeper.check().await.unwrap();
        // The request may still be under way somewhere: no second one.
        for _ in 0..3 {
            assert_eq!(again.token().await.unwrap(), token);
            ground.pass(4 * MINUTE);
            assert_family_lives(&ground, 0);
        }
        ground.pass(4 * MINUTE);
        assert_ne!(again.token().await.unwrap(), token);
        assert_family_lives(&ground, 1);
    }
}

#[tokio::test]
async fn between_the_request_and_the_disk_the_new_token_is_lost_and_nobody_makes_it_worse() {
    for step in [(Step::AfterPost, 0), (Step::BeforeWrite, 1)] {
        let (ground, token) = killed_at(step.0, step.1).await;
        assert_family_lives(&ground, 1);
        for _ in 0..3 {
            let again = start(&ground, &token);
            let fault = again.keeper.check().await.unwrap_err();
            assert_fault(
                &fault,
                FaultKind::CONFIG,
                &["answer was lost", "revoke the newest token", "make another"],
            );
            assert_fault(
                &again.fault().await,
                FaultKind::CONFIG,
                &["answer was lost"],
            );
            ground.pass(DAY);
            assert_fault(
                &again.fault().await,
                FaultKind::CONFIG,
                &["answer was lost"],
            );
            assert_family_lives(&ground, 1);
        }
        let other = ground.token(&["api"], 20);
        let mended = start(&ground, &other);
        mended.keeper.check().await.unwrap();
        assert_eq!(mended.token().await.unwrap(), other);
    }
}

#[tokio::test]
async fn once_the_new_token_is_on_the_disk_it_is_used() {
    let (ground, token) = killed_at(Step::AfterWrite, 1).await;
    assert_family_lives(&ground, 1);
    let again = start(&ground, &token);
    again.keeper.check().await.unwrap();
    assert_eq!(ground.living(), [again.token().await.unwrap()]);
    assert_family_lives(&ground, 1);
}

#[tokio::test]
async fn a_call_that_is_given_up_on_loses_nothing_that_was_answered() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 5);
    let plugin = start(&ground, &token);
    // Given up on while the new token is being written, in a process that lives on.
    *plugin.process().death.lock().unwrap() = Some((Step::BeforeWrite, 1));
    assert!(
        timeout(Duration::from_secs(1), plugin.token())
            .await
            .is_err()
    );
    *plugin.process().death.lock().unwrap() = None;
    let found = plugin.token().await.unwrap();
    let after = start(&ground, &token).token().await.unwrap();
    assert_eq!(found, after);
    assert_eq!(ground.living(), [found]);
    assert_family_lives(&ground, 1);
}

#[tokio::test]
async fn a_call_that_is_given_up_on_while_gitlab_works_asks_no_second_time() {
    for (fault, done) in [
        (Fault::Slow(Duration::from_secs(20)), false),
        (Fault::SlowAnswer(Duration::from_secs(20)), true),
    ] {
        let ground = Ground::new().await;
        let token = ground.token(&["api"], 5);
        let plugin = start(&ground, &token);
        ground
            .gitlab
            .core()
            .set_fault("/rotate", fault, Times::Next(1));
        assert!(
            timeout(Duration::from_secs(1), plugin.token())
                .await
                .is_err()
        );
        if done {
            assert_fault(
                &plugin.fault().await,
                FaultKind::CONFIG,
                &["answer was lost"],
            );
        } else {
            assert_eq!(plugin.token().await.unwrap(), token);
        }
        assert_eq!(ground.gitlab.core().count("/rotate"), 1);
        assert_eq!(ground.living().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_says_nothing_is_found_out_about_with_the_old_token_alone() {
    let lost = [
        (Fault::LostAnswer, true),
        (
            Fault::ServerErrorAfterwards(StatusCode::GATEWAY_TIMEOUT),
            true,
        ),
        (Fault::ServerError(StatusCode::BAD_GATEWAY), false),
        (Fault::CutInTheMiddle, false),
        (Fault::NotJson, false),
        (Fault::HugeBody(2_000_000), false),
    ];
    for (fault, done) in lost {
        let ground = Ground::new().await;
        let token = ground.token(&["api"], 5);
        let plugin = start(&ground, &token);
        ground
            .gitlab
            .core()
            .set_fault("/rotate", fault.clone(), Times::Next(1));
        if done {
            assert_fault(
                &plugin.fault().await,
                FaultKind::CONFIG,
                &["answer was lost"],
            );
        } else {
            assert_eq!(plugin.token().await.unwrap(), token, "{fault:?}");
        }
        let last = ground.gitlab.core().requests().pop().unwrap();
        assert_eq!(last.line(), "GET /api/v4/personal_access_tokens/self");
        assert_eq!((ground.rotations().len(), ground.living().len()), (1, 1));
        ground.pass(16 * MINUTE);
        if done {
            plugin.fault().await;
            assert_eq!(ground.rotations().len(), 1);
        } else {
            assert_ne!(plugin.token().await.unwrap(), token);
        }
        assert_eq!(ground.living().len(), 1);
    }
}

#[tokio::test]
async fn while_gitlab_cannot_be_asked_what_happened_nothing_is_handed_out() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 5);
    let plugin = start(&ground, &token);
    // Whatever comes after the rotation fails, and so does its answer.
    ground.gitlab.core().set_fault(
        "/rotate",
        Fault::SlowAnswer(Duration::from_secs(20)),
        Times::Next(1),
    );
    assert!(
        timeout(Duration::from_secs(1), plugin.token())
            .await
            .is_err()
    );
    ground.gitlab.core().set_fault(
        "",
        Fault::ServerError(StatusCode::BAD_GATEWAY),
        Times::Always,
    );
    for _ in 0..3 {
        assert_fault(&plugin.fault().await, FaultKind::TRANSIENT, &["502"]);
    }
    ground.gitlab.core().clear_fault();
    assert_fault(
        &plugin.fault().await,
        FaultKind::CONFIG,
        &["answer was lost"],
    );
    assert_eq!(
        (ground.gitlab.core().count("/rotate"), ground.living().len()),
        (1, 1)
    );
}
