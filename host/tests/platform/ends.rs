//! Plugins hear of the end of a workspace, whatever goes down meanwhile.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use provisionhook_host::{
    call::{Attributes, Call},
    capability::Outcome,
    fault::{Fault, FaultKind},
    policy::{PluginPolicy, Selector},
    registry::{Plugin, Registry},
    store::{Store, WorkspaceState},
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    bench::{Plan, Platform},
    client,
    lives::{Ends, Noted, lifecycle, slow_provider},
    plugins::mutator,
};

pub(crate) fn well() -> Ends {
    Box::new(|_| Outcome::Ready(Ok(())))
}

/// Fails until the flag is set.
pub(crate) fn unless(up: &Arc<AtomicBool>) -> Ends {
    let up = Arc::clone(up);
    Box::new(move |_| {
        Outcome::Ready(if up.load(SeqCst) {
            Ok(())
        } else {
            Err(Fault::new(FaultKind::Transient, "upstream is down"))
        })
    })
}

/// What is on record as owed, once the platform has let go of it: workspace, plugin, due.
pub(crate) async fn owed(dir: &TempDir) -> Vec<(String, String, bool)> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let store = loop {
        match Store::open(&dir.path().join("store.sqlite")) {
            Ok(store) => break store,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    let owed = store.all_owed().await.unwrap();
    owed.into_iter()
        .map(|owed| (owed.id.to_string(), owed.plugin, owed.due_since.is_some()))
        .collect()
}

pub(crate) async fn owes(platform: &Platform, count: usize) {
    let line = format!("provisionhook_ends_owed {count}\n");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let metrics = platform.metrics().await;
        if metrics.contains(&line) {
            return;
        }
        assert!(Instant::now() < deadline, "never {line}: {metrics}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_end_is_told_once() {
    let plan = Plan::default();
    let noted = lifecycle(&plan.registry, "p", well());
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    mutator(&plan.registry, "m", move |_, _| {
        if breaks.load(SeqCst) {
            return Err(Fault::new(FaultKind::Config, "broken"));
        }
        Ok(())
    });
    let platform = plan.start().await;
    let (by_itself, _) = platform.sh("true").await;
    platform.reaches(&by_itself, WorkspaceState::Stopped).await;
    let (stopped, _) = platform.sh("sleep 60").await;
    platform.provisioner.stop(&stopped).await.unwrap();
    let (deleted, _) = platform.sh("sleep 60").await;
    platform.provisioner.delete(&deleted).await.unwrap();
    let missing = json!({"id": "missing", "command": ["no-such-command"]});
    assert_eq!(
        platform
            .admin("POST", "/workspaces", Some(missing))
            .await
            .status,
        422
    );
    broken.store(true, SeqCst);
    let cut_off = json!({"id": "cut-off", "command": ["true"]});
    assert_eq!(
        platform
            .admin("POST", "/workspaces", Some(cut_off))
            .await
            .status,
        500
    );
    let all = [
        by_itself.to_string(),
        stopped.to_string(),
        deleted.to_string(),
        "missing".into(),
        "cut-off".into(),
    ];
    for id in &all {
        noted.reach(&format!("ended {id}"), 1).await;
    }
    for id in [&stopped, &by_itself] {
        platform.provisioner.delete(id).await.unwrap();
    }
    assert_eq!(platform.provisioner.settle(Duration::from_secs(5)).await, 0);
    assert_eq!(noted.count("ended"), all.len(), "{:?}", noted.all());
    let dir = platform.leave().await;
    assert_eq!(owed(&dir).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_waits_for_the_usual_case() {
    let plan = Plan::default();
    let done = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&done);
    lifecycle(
        &plan.registry,
        "p",
        Box::new(move |_| {
            let counts = Arc::clone(&counts);
            Outcome::Pending(Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(700)).await;
                counts.fetch_add(1, SeqCst);
                Ok(())
            }))
        }),
    );
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    let answer = platform
        .admin("DELETE", &format!("/workspaces/{id}"), None)
        .await;
    assert_eq!((answer.status, done.load(SeqCst)), (204, 1));
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_does_not_wait_for_an_upstream_that_is_down() {
    let plan = Plan::default();
    let up = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(Mutex::new(Attributes::default()));
    let (ends, sees) = (unless(&up), Arc::clone(&seen));
    let noted = lifecycle(
        &plan.registry,
        "p",
        Box::new(move |call: &Call| {
            sees.lock().unwrap().clone_from(&call.attributes);
            ends(call)
        }),
    );
    let platform = plan.start().await;
    let request = json!({"id": "ws-1", "name": "demo", "tenant": "acme", "role": "coder",
        "labels": {"team": "web"}, "command": ["sleep", "60"]});
    assert_eq!(
        platform
            .admin("POST", "/workspaces", Some(request))
            .await
            .status,
        201
    );
    let begun = Instant::now();
    let answer = platform.admin("DELETE", "/workspaces/ws-1", None).await;
    assert_eq!(answer.status, 204);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    owes(&platform, 1).await;
    assert_eq!(
        platform.admin("GET", "/workspaces/ws-1", None).await.status,
        404
    );
    noted.reach("ended", 2).await;
    up.store(true, SeqCst);
    owes(&platform, 0).await;
    let known = Attributes {
        workspace_id: "ws-1".into(),
        name: "demo".into(),
        tenant: "acme".into(),
        role: "coder".into(),
        runtime: "local".into(),
        labels: [("team".into(), "web".into())].into(),
    };
    assert_eq!(*seen.lock().unwrap(), known);
    let metrics = platform.metrics().await;
    let faults = r#"provisionhook_upkeep_faults_total{call="ended",plugin="p",kind="transient"}"#;
    assert!(metrics.contains(faults), "{metrics}");
    let dir = platform.leave().await;
    assert_eq!(owed(&dir).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_hangs_holds_a_delete_up_for_seconds_only() {
    let plan = Plan::default();
    let noted = lifecycle(
        &plan.registry,
        "p",
        Box::new(|_| Outcome::Pending(Box::pin(std::future::pending()))),
    );
    let other = lifecycle(&plan.registry, "q", well());
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    let begun = Instant::now();
    platform.provisioner.delete(&id).await.unwrap();
    let took = begun.elapsed();
    assert!(
        (Duration::from_secs(3)..Duration::from_secs(6)).contains(&took),
        "{took:?}"
    );
    assert_eq!((noted.count("ended"), other.count("ended")), (1, 1));
    let dir = platform.leave().await;
    assert_eq!(owed(&dir).await, [(id.to_string(), "p".to_owned(), true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_told_after_the_end_and_before_the_next_begin() {
    let plan = Plan::default();
    let noted = lifecycle(&plan.registry, "p", well());
    let notes = noted.clone();
    mutator(&plan.registry, "m", move |call, _| {
        notes.note("mutate", call);
        Ok(())
    });
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    platform.provisioner.restart(&id).await.unwrap();
    platform.provisioner.stop(&id).await.unwrap();
    let calls: Vec<_> = noted
        .all()
        .into_iter()
        .filter(|call| !call.starts_with("tend"))
        .collect();
    let calls: Vec<_> = calls
        .iter()
        .map(|call| call.split(' ').next().unwrap())
        .collect();
    assert_eq!(calls, ["mutate", "ended", "mutate", "ended"]);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_begins_while_a_plugin_still_cleans_up_behind_its_namesake() {
    let plan = Plan::default();
    let cleaned = Noted::default();
    let (notes, also) = (cleaned.clone(), cleaned.clone());
    lifecycle(
        &plan.registry,
        "p",
        Box::new(move |call: &Call| {
            let notes = notes.clone();
            Outcome::Pending(Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(4)).await;
                notes.note("cleaned", call);
                Ok(())
            }))
        }),
    );
    mutator(&plan.registry, "m", move |call, _| {
        also.note("mutate", call);
        Ok(())
    });
    let platform = plan.start().await;
    let request = json!({"id": "ws-1", "command": ["sleep", "60"]});
    for _ in 0..2 {
        let create = platform.admin("POST", "/workspaces", Some(request.clone()));
        assert_eq!(create.await.status, 201);
        let deleted = platform.admin("DELETE", "/workspaces/ws-1", None).await;
        assert_eq!(deleted.status, 204);
    }
    assert_eq!(
        cleaned.all(),
        ["mutate ws-1", "cleaned ws-1", "mutate ws-1"]
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_owes_waits_while_the_workspace_runs_again() {
    let plan = Plan::default();
    let up = Arc::new(AtomicBool::new(false));
    let noted = lifecycle(&plan.registry, "p", unless(&up));
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    platform.provisioner.restart(&id).await.unwrap();
    up.store(true, SeqCst);
    let told = noted.count("ended");
    // Longer than the back-off: a plugin that is told now would clean up what the workspace uses.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(noted.count("ended"), told);
    owes(&platform, 0).await;
    platform.provisioner.stop(&id).await.unwrap();
    assert_eq!(noted.count("ended"), told + 1);
    let dir = platform.leave().await;
    assert_eq!(owed(&dir).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_loses_nothing() {
    let plan = Plan::default();
    let up = Arc::new(AtomicBool::new(false));
    lifecycle(&plan.registry, "p", unless(&up));
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    let (lives, _) = platform.sh("sleep 60").await;
    platform.provisioner.delete(&id).await.unwrap();
    let dir = platform.leave().await;
    let mut left = [
        (id.to_string(), "p".to_owned(), true),
        (lives.to_string(), "p".to_owned(), false),
    ];
    left.sort();
    assert_eq!(owed(&dir).await, left);

    let plan = Plan::default();
    let noted = lifecycle(&plan.registry, "p", well());
    let platform = plan.start_in(dir).await;
    noted.reach(&format!("ended {id}"), 1).await;
    owes(&platform, 0).await;
    assert_eq!(noted.count(&format!("ended {lives}")), 0, "it still runs");
    platform.provisioner.delete(&lives).await.unwrap();
    assert_eq!(noted.count("ended"), 2);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_plugins_that_apply_to_the_workspace_are_told() {
    let plan = Plan::default();
    let inner = Registry::new();
    let noted: Noted = lifecycle(&inner, "p", well());
    plan.registry.register(Plugin {
        lifecycle: inner.snapshot()[0].lifecycle.clone(),
        policy: PluginPolicy {
            selector: Selector {
                tenants: vec!["acme".into()],
                ..Selector::default()
            },
            ..PluginPolicy::default()
        },
        ..Plugin::in_code("p")
    });
    let platform = plan.start().await;
    let (id, _) = platform.sh("sleep 60").await;
    platform.provisioner.delete(&id).await.unwrap();
    let request = json!({"id": "of-acme", "tenant": "acme", "command": ["sleep", "60"]});
    assert_eq!(
        platform
            .admin("POST", "/workspaces", Some(request))
            .await
            .status,
        201
    );
    platform.admin("DELETE", "/workspaces/of-acme", None).await;
    assert_eq!(platform.provisioner.settle(Duration::from_secs(5)).await, 0);
    assert_eq!(noted.count("ended"), 1);
    assert_eq!(noted.count("ended of-acme"), 1);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_on_its_way_is_there_before_the_plugin_cleans_up() {
    let plan = Plan::default();
    let noted = lifecycle(&plan.registry, "p", well());
    slow_provider(&plan.registry, "t", &noted);
    let platform = plan.start().await;
    let (id, token) = platform.sh("sleep 60").await;
    let path = format!("/workspaces/{id}/tokens/t");
    let (to, asks) = (platform.address, path.clone());
    let asked =
        tokio::spawn(async move { client::send(to, "GET", &asks, Some(&token), None).await });
    noted.reach("asked", 1).await;
    platform.provisioner.delete(&id).await.unwrap();
    asked.await.unwrap();
    let all = noted.all();
    let calls: Vec<_> = all
        .iter()
        .filter(|call| !call.starts_with("tend"))
        .map(|call| call.split(' ').next().unwrap())
        .collect();
    assert_eq!(calls, ["asked", "made", "ended"]);
    platform.end().await;
}
