//! Rotations that go well, and those that GitLab refuses.

use std::time::Duration;

use gitlab::{day, patience::Patience};
use gitlab_server::{Fault, StatusCode, Times, level};
use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::wire::FaultKind;
use provisionhook_provider_kit_testing::{assert_fault, with_changes};
use serde_json::json;

use crate::world::{DAY, Ground};

const ROTATE: &str = "/rotate";

#[tokio::test]
async fn a_token_is_rotated_when_its_day_comes_and_not_before() {
    let ground = Ground::new().await;
    let old = ground.token(&["self_rotate", "read_user"], 10);
    let plugin = ground.start(&old, json!({ "rotate": {} }));
    let current = plugin.current().await.unwrap();
    assert_eq!(current.token.as_str(), old);
    let due = day::midnight(day::days_from(Timestamp::now(), 3));
    assert_eq!(current.rotation_at, Some(due));
    assert_eq!(
        current.good_until,
        Some(due + SignedDuration::from_secs(60))
    );
    ground.pass(4 * DAY);
    let current = plugin.current().await.unwrap();
    assert_ne!(current.token.as_str(), old);
    assert_eq!(ground.living(), [current.token.to_string()]);
    let query = ground.gitlab.core().requests().pop().unwrap().query;
    assert_eq!(
        query,
        format!("expires_at={}", day::days_from(Timestamp::now(), 34))
    );
    assert_eq!(ground.rotations(), [200]);

    let again = ground.start(&old, json!({ "rotate": {} }));
    again.keeper.check().await.unwrap();
    assert_eq!(
        again.token().await.unwrap(),
        *current.token,
        "what was rotated is found after a restart"
    );
    ground.pass(24 * DAY);
    let third = again.token().await.unwrap();
    assert_eq!(
        (ground.living(), ground.rotations()),
        (vec![third], vec![200, 200])
    );
}

#[tokio::test]
async fn a_token_of_a_project_or_group_uses_its_own_door() {
    let ground = Ground::new().await;
    let end = day::days_from(Timestamp::now(), 2).to_string();
    let web = ground
        .gitlab
        .project_token("acme/web", level::DEVELOPER, &["api"], Some(&end));
    let acme = ground
        .gitlab
        .group_token("acme", level::DEVELOPER, &["self_rotate"], Some(&end));
    for (token, more, door) in [
        (&web, json!({}), "/projects/58/access_tokens/self/rotate"),
        (
            &acme,
            json!({ "kind": "group", "place": "acme" }),
            "/groups/acme/access_tokens/self/rotate",
        ),
    ] {
        let config = with_changes(json!({ "rotate": { "days_before": 3 } }), &more);
        let plugin = ground.start(token, config);
        assert_ne!(plugin.token().await.unwrap(), **token);
        let asked = ground.gitlab.core().requests().pop().unwrap();
        assert_eq!(asked.path, format!("/api/v4{door}"));
        ground.disk.damage();
    }
    // A token that may not even ask whose it is.
    let shy =
        ground
            .gitlab
            .project_token("acme/api", level::DEVELOPER, &["self_rotate"], Some(&end));
    let plugin = ground.start(&shy, json!({ "rotate": {} }));
    assert_ne!(plugin.token().await.unwrap(), shy);
    assert_eq!(ground.rotations(), [200, 200, 200]);
}

#[tokio::test]
async fn another_token_in_the_config_takes_over() {
    let ground = Ground::new().await;
    let first = ground.token(&["api"], 2);
    ground
        .start(&first, json!({ "rotate": {} }))
        .token()
        .await
        .unwrap();
    let other = ground.token(&["api"], 20);
    let plugin = ground.start(&other, json!({ "rotate": {} }));
    assert_eq!(plugin.token().await.unwrap(), other);
    ground.pass(14 * DAY);
    let rotated = plugin.token().await.unwrap();
    let again = ground.start(&other, json!({ "rotate": {} }));
    assert_eq!(again.token().await.unwrap(), rotated);
    assert_eq!(ground.rotations(), [200, 200]);
    let without = ground.start(&other, json!({}));
    assert_eq!(
        without.token().await.unwrap(),
        rotated,
        "rotations switched off do not bring the dead one back"
    );
}

#[tokio::test]
async fn a_dry_run_and_a_call_that_is_about_to_end_rotate_nothing() {
    let ground = Ground::new().await;
    let old = ground.token(&["api"], 2);
    let plugin = ground.start(&old, json!({ "rotate": {} }));
    for _ in 0..2 {
        let seen = plugin.keeper.current(Patience::LOOK_ONLY).await.unwrap();
        assert_eq!(seen.token.as_str(), old);
    }
    assert_eq!(ground.disk.keys(), 0);
    let hurried = ground.start(&old, json!({ "rotate": {} }));
    let short = Patience::short(Duration::from_secs(3));
    let current = hurried.keeper.current(short).await.unwrap();
    let promised = current.good_until.unwrap().duration_since(Timestamp::now());
    assert_eq!(current.token.as_str(), old);
    assert!(promised > SignedDuration::from_mins(10) && promised < SignedDuration::from_mins(12));
    assert_eq!(
        hurried.token().await.unwrap(),
        old,
        "nobody takes it away before"
    );
    assert!(ground.rotations().is_empty());
    assert_ne!(plugin.token().await.unwrap(), old);
}

#[tokio::test]
async fn many_at_once_cause_one_rotation_and_all_get_the_new_token() {
    let ground = Ground::new().await;
    let old = ground.token(&["api"], 2);
    let plugin = std::sync::Arc::new(ground.start(&old, json!({ "rotate": {} })));
    ground.gitlab.core().set_fault(
        ROTATE,
        Fault::SlowAnswer(Duration::from_millis(300)),
        Times::Always,
    );
    let asks: Vec<_> = (0..1000)
        .map(|_| {
            let plugin = std::sync::Arc::clone(&plugin);
            tokio::spawn(async move { plugin.token().await.unwrap() })
        })
        .collect();
    for ask in asks {
        let found = ask.await.unwrap();
        assert_eq!(ground.living(), [found]);
    }
    assert_eq!(ground.rotations(), [200]);
}

#[tokio::test]
async fn a_rotation_that_gitlab_refuses_leaves_the_token_in_use() {
    let day = Duration::from_secs(24 * 3600);
    let ground = Ground::new().await;
    for (scopes, fault, wait) in [
        (&["read_api"][..], None, day),
        (
            &["api"],
            Some(Fault::ServerError(StatusCode::METHOD_NOT_ALLOWED)),
            day,
        ),
        (
            &["api"],
            Some(Fault::RateLimited(Some(Duration::from_secs(1800)))),
            Duration::from_secs(1800),
        ),
        (
            &["api"],
            Some(Fault::RateLimited(Some(Duration::from_secs(1)))),
            Duration::from_secs(600),
        ),
    ] {
        let token = ground.token(scopes, 5);
        if let Some(fault) = fault {
            ground
                .gitlab
                .core()
                .set_fault(ROTATE, fault, Times::Next(1));
        }
        let before = ground.rotations().len();
        let plugin = ground.start(&token, json!({ "rotate": {} }));
        let current = plugin.current().await.unwrap();
        assert_eq!(current.token.as_str(), token);
        let until = current.rotation_at.unwrap().duration_since(plugin.now());
        assert!(
            (until.as_secs() - wait.as_secs().cast_signed()).abs() < 30,
            "{until:?}"
        );
        assert_eq!(plugin.token().await.unwrap(), token);
        assert!(ground.rotations().len() <= before + 1);
        assert!(
            !ground.disk.text().contains("begun_at"),
            "it is certain that nothing happened"
        );
        if scopes == ["api"] {
            ground.pass(wait.as_secs().cast_signed() + 1);
            assert_ne!(plugin.token().await.unwrap(), token);
        }
    }
}

#[tokio::test]
async fn a_life_that_the_administrator_forbids_is_refused_and_said() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 5);
    ground.pass(-2 * DAY);
    // By GitLab's clock 365 days from the plugin's today are too many.
    let plugin = ground.start(&token, json!({ "rotate": { "lifetime_days": 365 } }));
    plugin.set_clock(0);
    assert_eq!(plugin.token().await.unwrap(), token);
    assert_eq!(ground.rotations(), [400]);
}

#[tokio::test]
async fn a_token_that_died_elsewhere_is_never_rotated() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 30);
    let plugin = ground.start(&token, json!({ "rotate": {} }));
    plugin.token().await.unwrap();
    // Somebody rotates it by hand.
    let by_hand = ground.start(
        &token,
        json!({ "rotate": { "days_before": 100, "lifetime_days": 300 } }),
    );
    let theirs = by_hand.token().await.unwrap();
    ground.disk.damage();
    ground.pass(24 * DAY);
    assert_fault(
        &plugin.fault().await,
        FaultKind::CONFIG,
        &["Token was revoked"],
    );
    let again = ground.start(&token, json!({ "rotate": {} }));
    assert_fault(
        &again.keeper.check().await.unwrap_err(),
        FaultKind::CONFIG,
        &["Token was revoked"],
    );
    assert_eq!(
        (ground.rotations(), ground.living()),
        (vec![200], vec![theirs])
    );
}

#[tokio::test]
async fn a_token_is_left_alone_for_a_day_after_its_rotation() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 2);
    let hasty = json!({ "rotate": { "days_before": 100, "lifetime_days": 300 } });
    let short = json!({ "rotate": { "days_before": 3, "lifetime_days": 7 } });
    let first = ground.start(&token, short).token().await.unwrap();
    let plugin = ground.start(&token, hasty);
    assert_eq!(plugin.token().await.unwrap(), first);
    ground.pass(DAY - 60);
    assert_eq!(plugin.token().await.unwrap(), first);
    ground.pass(61);
    assert_ne!(plugin.token().await.unwrap(), first);
    assert_eq!(ground.rotations(), [200, 200]);
}

#[tokio::test]
async fn right_before_a_rotation_the_token_is_asked_again_whether_it_lives() {
    let ground = Ground::new().await;
    let token = ground.token(&["api"], 30);
    let plugin = ground.start(&token, json!({ "rotate": {} }));
    let due = plugin.current().await.unwrap().rotation_at.unwrap();
    ground.pass(due.as_second() - Timestamp::now().as_second() - 60);
    plugin.token().await.unwrap();
    let sooner = json!({ "rotate": { "days_before": 8 } });
    let theirs = ground.start(&token, sooner).token().await.unwrap();
    ground.pass(70);
    assert_fault(
        &plugin.fault().await,
        FaultKind::CONFIG,
        &["Token was revoked"],
    );
    assert_eq!(
        (ground.rotations(), ground.living()),
        (vec![200], vec![theirs])
    );
}

#[tokio::test]
async fn a_full_disk_begins_no_rotation_and_a_new_token_waits_for_it() {
    let ground = Ground::new().await;
    let old = ground.token(&["api"], 5);
    let plugin = ground.start(&old, json!({ "rotate": {} }));
    plugin
        .process()
        .full
        .store(1, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(plugin.token().await.unwrap(), old);
    assert!(ground.rotations().is_empty());
    ground.pass(601);
    // The intent is written, the new token is not.
    plugin.fill_the_disk_after_one_write();
    let fault = plugin.fault().await;
    assert_fault(
        &fault,
        FaultKind::TRANSIENT,
        &["cannot be written down", "do not restart"],
    );
    assert_eq!(ground.living().len(), 1);
    assert_ne!(ground.living()[0], old);
    plugin.fault().await;
    plugin.empty_the_disk();
    assert_eq!(ground.living(), [plugin.token().await.unwrap()]);
    let again = ground.start(&old, json!({ "rotate": {} }));
    assert_eq!(ground.living(), [again.token().await.unwrap()]);
    assert_eq!(ground.rotations(), [200]);
}
