//! Idempotency keys: whose they are, how long they are kept, and what does not use one up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use provisionhook_host::{
    fault::{Fault, FaultKind},
    http::Auth,
    store::WorkspaceState,
};
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::{
    bench::{ADMIN, Plan},
    client::{self, Answer},
    once::post,
    plugins::{mutator, stuck},
};

const OTHER: &str = "other-token-0123456789-0123456789";

fn body() -> Value {
    json!({"command": ["sleep", "60"]})
}

/// It was made now, and not before.
#[track_caller]
fn made(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("idempotency-replayed"), "", "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// It was made before, as this one.
#[track_caller]
fn repeated(answer: &Answer, id: &str) {
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("idempotency-replayed"), "true", "{answer:?}");
    assert_eq!(answer.json()["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_made_and_the_others_wait_or_get_it() {
    let platform = Arc::new(Plan::default().start().await);
    let together = Arc::new(Barrier::new(16));
    let asking: Vec<_> = (0..16)
        .map(|_| {
            let (platform, together) = (Arc::clone(&platform), Arc::clone(&together));
            tokio::spawn(async move {
                together.wait().await;
                post(&platform, "k", &body()).await
            })
        })
        .collect();
    let (mut made, mut others) = (Vec::new(), Vec::new());
    for asked in asking {
        let answer = asked.await.unwrap();
        match (answer.status, answer.header("idempotency-replayed")) {
            (201, "") => made.push(self::made(&answer)),
            _ => others.push(answer),
        }
    }
    let [id] = made.as_slice() else {
        panic!("{made:?}")
    };
    for answer in others {
        match answer.status {
            409 => assert_eq!(answer.header("retry-after"), "1", "{answer:?}"),
            _ => repeated(&answer, id),
        }
    }
    repeated(&post(&platform, "k", &body()).await, id);
    assert_eq!(platform.listed().await.len(), 1);
    Arc::into_inner(platform).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_admin_has_keys_of_their_own_and_keeps_them_with_a_new_token() {
    let platform = Plan::default().start().await;
    let two = Auth::bearers([("test", ADMIN), ("other", OTHER)]).unwrap();
    assert!(platform.auth.replace(&two));
    let as_admin = async |token: &str| {
        let headers = [("Idempotency-Key", "k")];
        let (to, body) = (platform.address, body().to_string());
        client::send_with(
            to,
            "POST",
            "/workspaces",
            Some(token),
            &headers,
            Some(&body),
        )
        .await
    };
    let one = made(&as_admin(ADMIN).await);
    let another = made(&as_admin(OTHER).await);
    assert_ne!(one, another);
    let rotated = Auth::bearers([("test", "new-token-0123456789-0123456789ab")]).unwrap();
    assert!(platform.auth.replace(&rotated));
    repeated(&as_admin("new-token-0123456789-0123456789ab").await, &one);
    assert_eq!(platform.listed().await.len(), 2);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_forgotten_after_a_day() {
    let platform = Plan::default().start().await;
    let (old, young) = (
        made(&post(&platform, "old", &body()).await),
        made(&post(&platform, "young", &body()).await),
    );
    let dir = platform.leave().await;
    // The clock is the wall's: what is put back is when the key came.
    let day = 24 * 60 * 60 * 1000;
    let database = || Connection::open(dir.path().join("store.sqlite")).unwrap();
    let age = |id: &str, by: i64| {
        let sql = "UPDATE idempotency_keys SET created_at = created_at - ? WHERE workspace_id = ?";
        assert_eq!(database().execute(sql, (by, id)).unwrap(), 1);
    };
    age(&old, day);
    age(&young, day - 60_000);
    let platform = Plan::default().start_in(Arc::clone(&dir)).await;
    repeated(&post(&platform, "young", &body()).await, &young);
    // Another request, even.
    let new = made(&post(&platform, "old", &json!({"command": ["true"]})).await);
    assert_ne!(new, old);
    platform.end().await;
    let kept: i64 = database()
        .query_row("SELECT count(*) FROM idempotency_keys", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(kept, 2, "the old one is not kept beside the new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_is_refused_before_anything_is_recorded() {
    let platform = Plan::default().start().await;
    let long = "k".repeat(256);
    for bad in [
        "", "\"\"", "a b", "k\u{e9}y", "\u{ff4b}", "a\tb", "\"a", "a\"b\"c", &long,
    ] {
        let refused = post(&platform, bad, &body()).await;
        assert_eq!(refused.status, 400, "{bad:?}: {refused:?}");
        let problems = &refused.json()["problems"];
        assert_eq!(problems[0]["field"], "Idempotency-Key");
        let text = problems[0]["problem"].as_str().unwrap();
        assert!(text.starts_with("expected one key of 1 to 255"), "{text}");
    }
    let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "a")];
    let (to, json) = (platform.address, body().to_string());
    let twice = client::send_with(to, "POST", "/workspaces", Some(ADMIN), &twice, Some(&json));
    assert_eq!(twice.await.status, 400);
    assert!(platform.listed().await.is_empty());
    made(&post(&platform, &long[1..], &body()).await);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_which_there_was_no_room_may_be_sent_again() {
    let mut plan = Plan::default();
    (plan.settings.at_once, plan.settings.queue) = (1, 0);
    let release = stuck(&plan.registry, "slow");
    let platform = Arc::new(plan.start().await);
    let busy = tokio::spawn({
        let platform = Arc::clone(&platform);
        async move { post(&platform, "busy", &body()).await }
    });
    while platform.listed().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let full = post(&platform, "k", &body()).await;
    assert_eq!(full.status, 429, "{full:?}");
    assert_eq!(full.header("retry-after"), "1");
    // Nor does a repetition need room.
    assert_eq!(post(&platform, "busy", &body()).await.status, 409);
    drop(release);
    let first = made(&busy.await.unwrap());
    let second = made(&post(&platform, "k", &body()).await);
    repeated(&post(&platform, "busy", &body()).await, &first);
    repeated(&post(&platform, "k", &body()).await, &second);
    Arc::into_inner(platform).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_taken_uses_no_key_up() {
    let platform = Plan::default().start().await;
    let body = json!({"id": "ws-1", "command": ["sleep", "60"]});
    made(&post(&platform, "first", &body).await);
    assert_eq!(post(&platform, "second", &body).await.status, 409);
    platform.admin("DELETE", "/workspaces/ws-1", None).await;
    made(&post(&platform, "second", &body).await);
    // The first key is that of the one that is gone, whichever has its id now.
    assert_eq!(post(&platform, "first", &body).await.status, 410);
    repeated(&post(&platform, "second", &body).await, "ws-1");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_deleted_workspace_makes_no_other() {
    let platform = Plan::default().start().await;
    let body = json!({"id": "ws-1", "command": ["sleep", "60"]});
    made(&post(&platform, "k", &body).await);
    platform.admin("DELETE", "/workspaces/ws-1", None).await;
    let deleted = post(&platform, "k", &body).await;
    assert_eq!(
        deleted.line(),
        r#"410 {"error":"the workspace of this idempotency key was deleted"}"#
    );
    let other = post(&platform, "k", &json!({"command": ["true"]})).await;
    assert_eq!(other.status, 422, "{other:?}");
    assert!(platform.listed().await.is_empty());
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_provision_fails_again_until_the_workspace_is_restarted() {
    let plan = Plan::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    mutator(&plan.registry, "p", move |_, _| {
        match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Fault::new(FaultKind::Config, "not set up yet")),
            _ => Ok(()),
        }
    });
    let platform = plan.start().await;
    let body = json!({"id": "ws-1", "command": ["sleep", "60"]});
    let first = post(&platform, "k", &body).await;
    let failed = r#"500 {"error":"provisioning failed","workspace":"ws-1"}"#;
    assert_eq!(first.line(), failed);
    assert_eq!(post(&platform, "k", &body).await.line(), failed);
    assert_eq!(calls.load(Ordering::Relaxed), 1, "no second try");
    let restarted = platform.admin("POST", "/workspaces/ws-1/restart", None);
    assert_eq!(restarted.await.status, 200);
    repeated(&post(&platform, "k", &body).await, "ws-1");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_told_of_too_long_a_wait_gets_what_came_of_it() {
    let mut plan = Plan::default();
    plan.limits.request_time = Duration::from_millis(200);
    let release = stuck(&plan.registry, "slow");
    let platform = plan.start().await;
    assert_eq!(post(&platform, "k", &body()).await.status, 504);
    assert_eq!(post(&platform, "k", &body()).await.status, 409);
    drop(release);
    let id = platform.listed().await[0].id.clone();
    platform.reaches(&id, WorkspaceState::Running).await;
    repeated(&post(&platform, "k", &body()).await, id.as_str());
    platform.end().await;
}
