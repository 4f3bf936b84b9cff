//! Requests that are sent again with their idempotency key.

use std::{sync::Arc, time::Duration};

use provisionhook_host::store::WorkspaceState;
use serde_json::{Value, json};

use crate::{
    bench::{ADMIN, Plan, Platform},
    client::{self, Answer},
    plugins::{Gives, provider, stuck},
};

pub(crate) async fn post(platform: &Platform, key: &str, body: &Value) -> Answer {
    let headers = [("Idempotency-Key", key)];
    let body = body.to_string();
    client::send_with(
        platform.address,
        "POST",
        "/workspaces",
        Some(ADMIN),
        &headers,
        Some(&body),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_starts_nothing_and_gets_a_token_that_works() {
    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start().await;
    let body = json!({"id": "ws-1", "command": ["sleep", "60"], "env": {"A": "1"}});
    let first = post(&platform, "\"k-1\"", &body).await;
    let again = post(&platform, "k-1", &body).await;
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(first.header("idempotency-replayed"), "");
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.header("location"), again.header("location"));
    let (first, again) = (first.json(), again.json());
    assert_eq!(
        (&first["id"], &again["state"]),
        (&again["id"], &json!("running"))
    );
    assert_eq!(platform.listed().await.len(), 1);

    let token = |answer: &Value| answer["token"].as_str().unwrap().to_owned();
    let third = post(&platform, "k-1", &body).await.json();
    let path = format!(
        "{}/tokens",
        "/workspaces/".to_owned() + first["id"].as_str().unwrap()
    );
    let asked = async |platform: &Platform, token: &str| platform.get(&path, token).await.status;
    assert_eq!(
        asked(&platform, &token(&first)).await,
        200,
        "the workspace's own"
    );
    assert_eq!(asked(&platform, &token(&again)).await, 401, "replaced");
    assert_eq!(asked(&platform, &token(&third)).await, 200);

    // The next platform knows the key, and both tokens.
    let dir = platform.leave().await;
    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start_in(Arc::clone(&dir)).await;
    assert_eq!(asked(&platform, &token(&first)).await, 200);
    assert_eq!(asked(&platform, &token(&third)).await, 200);
    assert_eq!(
        post(&platform, "k-1", &body).await.json()["id"],
        first["id"]
    );

    let one = format!("/workspaces/{}", first["id"].as_str().unwrap());
    platform.admin("POST", &format!("{one}/stop"), None).await;
    let ended = post(&platform, "k-1", &body).await;
    assert_eq!((ended.status, &ended.json()["token"]), (201, &Value::Null));
    assert_eq!(asked(&platform, &token(&third)).await, 401);
    platform.admin("DELETE", &one, None).await;
    let deleted = post(&platform, "k-1", &body).await;
    assert_eq!(deleted.status, 410, "{deleted:?}");
    assert!(platform.listed().await.is_empty());
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_never_gets_another_workspace_of_the_same_id() {
    let mut plan = Plan::default();
    plan.settings.grace = Duration::from_secs(2);
    let platform = Arc::new(plan.start().await);
    let script = "trap '' TERM; touch ready; while :; do sleep 1; done";
    let body = json!({"id": "ws-1", "command": ["sh", "-c", script]});
    assert_eq!(post(&platform, "k", &body).await.status, 201);
    let id = "ws-1".parse().unwrap();
    platform.has(&id, "ready", "").await;
    // It is being deleted, the next one of its id waits for that, and so does whoever repeats the first request.
    let apart = |method: &'static str, path: &'static str, body: Option<Value>| {
        let platform = Arc::clone(&platform);
        tokio::spawn(async move { platform.admin(method, path, body).await })
    };
    let deleted = apart("DELETE", "/workspaces/ws-1", None);
    platform.reaches(&id, WorkspaceState::Stopping).await;
    let next = json!({"id": "ws-1", "command": ["sleep", "60"]});
    let next = apart("POST", "/workspaces", Some(next));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let again = post(&platform, "k", &body).await;
    assert_eq!(again.status, 410, "{again:?}");
    assert_eq!(deleted.await.unwrap().status, 204);
    assert_eq!(next.await.unwrap().status, 201);
    Arc::into_inner(platform).unwrap().end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_for_one_request() {
    let platform = Plan::default().start().await;
    let body = json!({"command": ["true"], "labels": {"a": "b", "c": "d"}});
    assert_eq!(post(&platform, "k", &body).await.status, 201);
    let reused = post(&platform, "k", &json!({"command": ["false"]})).await;
    assert_eq!(
        reused.line(),
        r#"422 {"error":"this idempotency key came with another request before"}"#
    );
    let sorted_otherwise = r#"{"labels":{"c":"d","a":"b"}, "command":["true"]}"#;
    let same = client::send_with(
        platform.address,
        "POST",
        "/workspaces",
        Some(ADMIN),
        &[("Idempotency-Key", "k")],
        Some(sorted_otherwise),
    )
    .await;
    assert_eq!(same.header("idempotency-replayed"), "true");
    assert_eq!(post(&platform, "another", &body).await.status, 201);
    assert_eq!(platform.listed().await.len(), 2);
    assert_eq!(post(&platform, "a b", &body).await.status, 400);
    // What was refused before anything was recorded is no use of the key.
    assert_eq!(post(&platform, "new", &json!({})).await.status, 400);
    assert_eq!(post(&platform, "new", &body).await.status, 201);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_fails_again_without_a_second_try() {
    let platform = Plan::default().start().await;
    let body = json!({"id": "ws-1", "command": ["no-such-command"]});
    let first = post(&platform, "k", &body).await;
    let again = post(&platform, "k", &body).await;
    assert_eq!(first.status, 422, "{first:?}");
    assert_eq!(first.line(), again.line());
    assert_eq!(platform.listed().await.len(), 1);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_request_runs_its_repetition_is_told_to_wait() {
    let plan = Plan::default();
    let release = stuck(&plan.registry, "slow");
    let platform = Arc::new(plan.start().await);
    let body = json!({"id": "ws-1", "command": ["true"]});
    let running = tokio::spawn({
        let (platform, body) = (Arc::clone(&platform), body.clone());
        async move { post(&platform, "k", &body).await }
    });
    while platform.listed().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let early = post(&platform, "k", &body).await;
    assert_eq!(early.status, 409, "{early:?}");
    assert_eq!(early.header("retry-after"), "1");
    drop(release);
    assert_eq!(running.await.unwrap().status, 201);
    let id = "ws-1".parse().unwrap();
    platform.reaches(&id, WorkspaceState::Stopped).await;
    let late = post(&platform, "k", &body).await;
    assert_eq!(late.status, 201, "{late:?}");
    Arc::into_inner(platform).unwrap().end().await;
}
