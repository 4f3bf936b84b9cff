//! Workspaces that may run for a time.

use std::{sync::Arc, time::Duration};

use provisionhook_host::{
    provision::{TtlSettings, WorkspaceToken},
    runtime::{Runtime, RuntimeState},
    store::{AfterTtl, Outcome, TokenHash, WorkspaceState},
    workspace_id::WorkspaceId,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    bench::{Plan, Platform, request},
    reconcile::{Wreck, recorded},
};

async fn create(platform: &Platform, id: &str, ttl: Value) -> Value {
    let mut body = json!({"id": id, "command": ["sleep", "600"]});
    body.as_object_mut()
        .unwrap()
        .extend(ttl.as_object().unwrap().clone());
    let created = platform.admin("POST", "/workspaces", Some(body)).await;
    assert_eq!(created.status, 201, "{created:?}");
    created.json()
}

async fn show(platform: &Platform, id: &str) -> Value {
    let path = format!("/workspaces/{id}");
    platform.admin("GET", &path, None).await.json()
}

async fn is_deleted(platform: &Platform, id: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let path = format!("/workspaces/{id}");
    while platform.admin("GET", &path, None).await.status != 404 {
        assert!(Instant::now() < deadline, "{id} is not deleted");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let state = platform.runtime.state(&id.parse().unwrap()).await.unwrap();
    assert_eq!(state, RuntimeState::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_whose_time_is_over_is_stopped_or_deleted_and_a_restart_begins_a_new_one() {
    let platform = Plan::default().start().await;
    let stays = create(&platform, "stays", json!({"ttl_seconds": 3600})).await;
    assert!(stays["expires_at"].is_string(), "{stays}");
    assert_eq!(stays["after_ttl"], json!("stop"));
    let limitless = create(&platform, "limitless", json!({})).await;
    assert_eq!(limitless.get("expires_at"), None);

    create(&platform, "stops", json!({"ttl_seconds": 1})).await;
    let stops: WorkspaceId = "stops".parse().unwrap();
    platform.reaches(&stops, WorkspaceState::Stopped).await;
    let stopped = show(&platform, "stops").await;
    assert_eq!(stopped["reason"], json!("expired"));
    assert_eq!(stopped.get("expires_at"), None, "it is over");
    let events = platform
        .admin("GET", "/workspaces/stops/events", None)
        .await
        .json();
    let last = events["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["type"], &last["data"]["reason"]),
        (&json!("workspace.stopped"), &json!("expired"))
    );

    let restarted = platform
        .admin("POST", "/workspaces/stops/restart", None)
        .await;
    assert_eq!(restarted.json()["state"], json!("running"));
    assert!(restarted.json()["expires_at"].is_string());
    platform.reaches(&stops, WorkspaceState::Stopped).await;

    create(
        &platform,
        "goes",
        json!({"ttl_seconds": 1, "after_ttl": "delete"}),
    )
    .await;
    is_deleted(&platform, "goes").await;
    for id in ["stays", "limitless"] {
        assert_eq!(show(&platform, id).await["state"], json!("running"), "{id}");
    }
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_goes_on_while_a_workspace_is_paused() {
    let platform = Plan::default().start().await;
    create(&platform, "paused", json!({"ttl_seconds": 2})).await;
    let paused = platform
        .admin("POST", "/workspaces/paused/pause", None)
        .await;
    assert!(paused.json()["expires_at"].is_string());
    let id = "paused".parse().unwrap();
    platform.reaches(&id, WorkspaceState::Stopped).await;
    assert_eq!(show(&platform, "paused").await["reason"], json!("expired"));
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_has_the_last_word() {
    let mut plan = Plan::default();
    plan.settings.ttl = TtlSettings {
        default: Some(Duration::from_secs(1)),
        max: Some(Duration::from_secs(100)),
        after: AfterTtl::Delete,
    };
    let platform = plan.start().await;
    let by_default = create(&platform, "default", json!({})).await;
    assert_eq!(by_default["ttl_seconds"], json!(1));
    is_deleted(&platform, "default").await;
    for (fields, problem) in [
        (
            json!({"ttl_seconds": 101}),
            "expected at most 100, which is what the operator allows, found 101: ask for less",
        ),
        (json!({"ttl_seconds": 0}), ""),
        (json!({"ttl_seconds": "2h"}), ""),
        (
            json!({"ttl_seconds": 5, "after_ttl": "explode"}),
            "expected \"stop\" or \"delete\", found another word: choose one",
        ),
    ] {
        let mut body = json!({"command": ["true"]});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let refused = platform.admin("POST", "/workspaces", Some(body)).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let found = &refused.json()["problems"][0]["problem"];
        assert!(found.as_str().unwrap().contains(problem), "{refused:?}");
    }
    assert_eq!(recorded(&platform).await, []);
    platform.end().await;
}

/// Records a workspace as a killed platform may leave it, and runs it unless it has ended.
async fn record(wreck: &Wreck, id: &str, states: &[WorkspaceState], at: i64, after: AfterTtl) {
    let id: WorkspaceId = id.parse().unwrap();
    let mut spec = request("sleep 60").spec;
    spec.runtime = "local".into();
    spec.ttl_seconds = Some(5);
    spec.after_ttl = Some(after);
    wreck.store.insert(&id, "", &spec).await.unwrap();
    let hash = TokenHash::of(WorkspaceToken::generate().unwrap().secret().expose());
    wreck.store.set_token_hash(&id, hash).await.unwrap();
    wreck.store.set_expiry(&id, Some(at)).await.unwrap();
    for state in states {
        let expired = (*state != WorkspaceState::Running).then(|| "expired".to_owned());
        let outcome = Outcome {
            reason: expired,
            ..Outcome::default()
        };
        let moved = wreck
            .store
            .transition(&id, &WorkspaceState::ALL, *state, outcome);
        moved.await.unwrap();
    }
    if *states.last().unwrap() != WorkspaceState::Stopped {
        wreck.run(&id).await;
    }
}

/// Also where the platform died in the middle of ending it.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_was_over_while_the_platform_was_away_is_over_when_it_is_back() {
    use AfterTtl::{Delete, Stop};
    use WorkspaceState::{Running, Stopped, Stopping};
    let wreck = Wreck::new();
    let (past, far) = (1_700_000_000_000, 4_000_000_000_000);
    let gone = [Running, Stopping, Stopped];
    record(&wreck, "a-over", &[Running], past, Stop).await;
    record(&wreck, "b-over-delete", &[Running], past, Delete).await;
    record(&wreck, "c-not-yet", &[Running], far, Stop).await;
    record(&wreck, "d-half", &[Running, Stopping], past, Delete).await;
    record(&wreck, "e-half", &gone, past, Delete).await;
    record(&wreck, "f-done", &gone, past, Stop).await;
    let platform = Plan::default().start_in(wreck.leave()).await;
    for id in ["b-over-delete", "d-half", "e-half"] {
        is_deleted(&platform, id).await;
    }
    platform.reaches(&"a-over".parse().unwrap(), Stopped).await;
    let reason = Some("expired".to_owned());
    let expected = [
        ("a-over".parse().unwrap(), Stopped, reason.clone()),
        ("c-not-yet".parse().unwrap(), Running, None),
        ("f-done".parse().unwrap(), Stopped, reason),
    ];
    assert_eq!(recorded(&platform).await, expected);
    platform.end().await;
}

/// The platform that is started again has the same end of the time, and not a new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_platform_does_not_lengthen_a_time() {
    let platform = Plan::default().start().await;
    let before = create(&platform, "kept", json!({"ttl_seconds": 3})).await["expires_at"].clone();
    let dir = platform.leave().await;
    let platform = Plan::default().start_in(Arc::clone(&dir)).await;
    assert_eq!(show(&platform, "kept").await["expires_at"], before);
    platform
        .reaches(&"kept".parse().unwrap(), WorkspaceState::Stopped)
        .await;
    platform.end().await;
}
