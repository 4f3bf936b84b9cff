//! Workspaces that stand still.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use provisionhook_host::{
    provision::WorkspaceToken,
    runtime::{Runtime, RuntimeState},
    store::{TokenHash, WorkspaceState},
    workspace_id::WorkspaceId,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::{
    bench::{Plan, Platform},
    client::Answer,
    ends::well,
    lives::tending,
    plugins::{Gives, again, contributor, provider},
    reconcile::{Wreck, recorded},
};

/// Writes on, and ends when it is told to.
const BUSY: &str = "while [ ! -e end ]; do echo >>written; sleep 0.01; done; exit 5";

async fn ask(platform: &Platform, id: &WorkspaceId, what: &str) -> Answer {
    let path = format!("/workspaces/{id}/{what}");
    platform.admin("POST", &path, None).await
}

async fn is_paused(platform: &Platform, id: &WorkspaceId) -> bool {
    let state = platform.runtime.state(id).await.unwrap();
    matches!(state, RuntimeState::Running { paused: true, .. })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workspace_stands_still_keeps_its_token_and_goes_on_as_often_as_it_is_asked() {
    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start().await;
    let (id, token) = platform.sh(BUSY).await;
    for _ in 0..2 {
        let paused = ask(&platform, &id, "pause").await;
        assert_eq!(
            (paused.status, paused.json()["state"].clone()),
            (200, json!("paused"))
        );
        assert!(is_paused(&platform, &id).await);
    }
    let line = "provisionhook_workspaces{state=\"paused\"} 1";
    assert!(platform.metrics().await.contains(line));
    let path = format!("/workspaces/{id}/tokens/p");
    assert_eq!(platform.get(&path, &token).await.status, 200);
    // It is told to end, and does not hear it before it goes on.
    std::fs::write(platform.home(&id).join("end"), "").unwrap();
    let before = std::fs::metadata(platform.home(&id).join("written")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let after = std::fs::metadata(platform.home(&id).join("written")).unwrap();
    assert_eq!(before.len(), after.len());
    assert_eq!(
        platform.provisioner.get(&id).await.unwrap().record.state,
        WorkspaceState::Paused
    );
    let resumed = ask(&platform, &id, "resume").await;
    assert_eq!(
        (resumed.status, resumed.json()["state"].clone()),
        (200, json!("running"))
    );
    platform.reaches(&id, WorkspaceState::Stopped).await;
    let events = platform
        .admin("GET", &format!("/workspaces/{id}/events"), None)
        .await
        .json();
    let events = events["events"].as_array().unwrap();
    let types: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
    let expected = ["created", "running", "paused", "running", "stopped"];
    assert_eq!(
        types,
        expected.map(|name| json!(format!("workspace.{name}")))
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_run_is_refused_with_a_sentence() {
    let platform = Plan::default().start().await;
    let (id, _) = platform.sh("exit 3").await;
    platform.reaches(&id, WorkspaceState::Stopped).await;
    for what in ["pause", "resume"] {
        assert_eq!(
            ask(&platform, &id, what).await.line(),
            r#"409 {"error":"expected a workspace that runs or is paused, found one that is stopped: restart it first"}"#
        );
        let unknown = "no-such-workspace".parse().unwrap();
        assert_eq!(
            ask(&platform, &unknown, what).await.line(),
            r#"404 {"error":"no such workspace"}"#
        );
    }
    let (id, _) = platform.sh("sleep 60").await;
    let resumed = ask(&platform, &id, "resume").await;
    assert_eq!(
        (resumed.status, resumed.json()["state"].clone()),
        (200, json!("running"))
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workspace_can_be_stopped_restarted_deleted_and_killed() {
    let platform = Plan::default().start().await;
    let (id, _) = platform
        .sh("trap 'exit 6' TERM; echo up >up; while :; do sleep 0.01; done")
        .await;
    platform.has(&id, "up", "up\n").await;
    ask(&platform, &id, "pause").await;
    let stopped = ask(&platform, &id, "stop").await.json();
    assert_eq!(
        (&stopped["state"], &stopped["exit_code"]),
        (&json!("stopped"), &json!(6))
    );

    assert_eq!(ask(&platform, &id, "restart").await.status, 200);
    ask(&platform, &id, "pause").await;
    let restarted = ask(&platform, &id, "restart").await;
    assert_eq!(
        (restarted.status, restarted.json()["state"].clone()),
        (200, json!("running"))
    );
    assert!(!is_paused(&platform, &id).await);

    ask(&platform, &id, "pause").await;
    let RuntimeState::Running { pid, .. } = platform.runtime.state(&id).await.unwrap() else {
        panic!("it is paused");
    };
    kill_process(Pid::from_raw(pid.unwrap()).unwrap(), Signal::KILL).unwrap();
    platform.reaches(&id, WorkspaceState::Stopped).await;

    ask(&platform, &id, "restart").await;
    ask(&platform, &id, "pause").await;
    let deleted = platform
        .admin("DELETE", &format!("/workspaces/{id}"), None)
        .await;
    assert_eq!(deleted.status, 204);
    assert_eq!(
        platform.runtime.state(&id).await.unwrap(),
        RuntimeState::Absent
    );
    platform.end().await;
}

/// What plugins hold for it upstream would die otherwise, and it would go on with what is stale.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workspace_is_kept_and_gets_its_files() {
    let plan = Plan::default();
    let fresh = Arc::new(AtomicBool::default());
    let own = Arc::clone(&fresh);
    contributor(&plan.registry, "c", move |_, files| {
        let text: &[u8] = if own.load(SeqCst) { b"fresh" } else { b"stale" };
        files.put("key", 0o600, true, text).unwrap();
        again(1)
    });
    let noted = tending(&plan.registry, "l", |_| again(1), well());
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    ask(&platform, &id, "pause").await;
    let tended = noted.count("tend");
    fresh.store(true, SeqCst);
    platform.has(&id, "key", "fresh").await;
    noted.reach("tend", tended + 2).await;
    assert!(is_paused(&platform, &id).await);
    platform.end().await;
}

/// The record wins, whichever way it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_was_killed_while_it_paused_or_resumed_does_as_it_had_recorded() {
    use WorkspaceState::{Failed, Paused, Running, Stopped, Stopping};
    let wreck = Wreck::new();
    let to_pause = wreck.record("a-to-pause", &[Running, Paused]).await;
    let paused = wreck.record("b-paused", &[Running, Paused]).await;
    let to_resume = wreck
        .record("c-to-resume", &[Running, Paused, Running])
        .await;
    let started = wreck.record("d-started", &[]).await;
    let half = wreck
        .record("e-half-stopped", &[Running, Paused, Stopping])
        .await;
    let undead = wreck
        .record("f-undead", &[Running, Stopping, Stopped])
        .await;
    let stranger: WorkspaceId = "stranger".parse().unwrap();
    for id in [&to_pause, &paused, &to_resume, &started, &half, &undead] {
        let token = WorkspaceToken::generate().unwrap();
        let hash = TokenHash::of(token.secret().expose());
        wreck.store.set_token_hash(id, hash).await.unwrap();
        wreck.run(id).await;
    }
    wreck.run(&stranger).await;
    for id in [&paused, &to_resume, &started, &half, &undead, &stranger] {
        wreck.runtime.pause(id).await.unwrap();
    }
    let ended = wreck.record("g-ended", &[Running, Paused]).await;
    wreck.run(&ended).await;
    wreck
        .runtime
        .stop(&ended, std::time::Duration::ZERO)
        .await
        .unwrap();
    let lost = wreck.record("h-lost", &[Running, Paused]).await;

    let platform = Plan::default().start_in(wreck.leave()).await;
    let expected = [
        (to_pause.clone(), Paused, None),
        (paused.clone(), Paused, None),
        (to_resume.clone(), Running, None),
        (started.clone(), Running, None),
        (half, Stopped, None),
        (undead, Stopped, None),
        (ended, Stopped, None),
        (lost, Failed, Some("lost".to_owned())),
    ];
    assert_eq!(recorded(&platform).await, expected);
    for (id, expected) in [
        (&to_pause, true),
        (&paused, true),
        (&to_resume, false),
        (&started, false),
    ] {
        assert_eq!(is_paused(&platform, id).await, expected, "{id}");
    }
    let state = platform.runtime.state(&stranger).await.unwrap();
    assert_eq!(
        state,
        RuntimeState::Absent,
        "what nobody recorded is reaped"
    );
    platform.end().await;
}
