//! Plugins that do not return, and operations that meet.

use std::time::Duration;

use provisionhook_host::{
    provision::{ProvisionErrorKind, Reason, Settings},
    store::WorkspaceState,
};
use serde_json::json;

use crate::{
    bench::{Plan, request},
    plugins::{setter, stuck},
};

fn impatient() -> Plan {
    Plan {
        settings: Settings {
            chain_time: Duration::from_millis(300),
            ..Settings::default()
        },
        ..Plan::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_plugin_costs_its_own_workspace_and_nobody_else() {
    let plan = impatient();
    let registry = std::sync::Arc::clone(&plan.registry);
    let release = stuck(&registry, "stuck");
    let platform = plan.start().await;
    let answer = platform
        .admin(
            "POST",
            "/workspaces",
            Some(json!({"id": "ws-1", "command": ["true"]})),
        )
        .await;
    assert_eq!(
        answer.line(),
        r#"504 {"error":"provisioning took too long","workspace":"ws-1"}"#
    );
    assert_eq!(
        platform.admin("GET", "/workspaces/ws-1", None).await.json()["reason"],
        "timed_out"
    );

    // Its breaker is open: the next one fails at once, and the API answers as ever.
    let next = platform
        .admin(
            "POST",
            "/workspaces",
            Some(json!({"id": "ws-2", "command": ["true"]})),
        )
        .await;
    assert!(next.status >= 500, "{next:?}");
    let plugins = platform.admin("GET", "/admin/plugins", None).await.json();
    assert_eq!(plugins["plugins"][0]["health"]["stuck"], 1, "{plugins}");
    let metrics = crate::client::send(platform.address, "GET", "/metrics", None, None)
        .await
        .body;
    assert!(
        metrics.contains("provisionhook_plugin_stuck_calls{plugin=\"stuck\"} 1"),
        "{metrics}"
    );
    drop(release);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_waits_for_the_provision_and_leaves_nothing() {
    let plan = Plan::default();
    let release = stuck(&plan.registry, "slow");
    let platform = plan.start().await;
    let id = "ws-1".parse().unwrap();
    let creating = tokio::spawn({
        let provisioner = platform.provisioner.clone();
        async move {
            let mut request = request("sleep 60");
            request.id = Some("ws-1".parse().unwrap());
            provisioner.create(request).await
        }
    });
    while platform.provisioner.get(&id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let deleting = tokio::spawn({
        let (provisioner, id) = (platform.provisioner.clone(), id.clone());
        async move { provisioner.delete(&id).await }
    });
    drop(release);
    creating.await.unwrap().unwrap();
    deleting.await.unwrap().unwrap();
    assert!(platform.provisioner.get(&id).await.is_err());
    assert!(
        provisionhook_host::runtime::Runtime::list(&*platform.runtime)
            .await
            .unwrap()
            .is_empty()
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_waits_for_a_provision_and_refuses_new_ones() {
    let plan = Plan::default();
    let release = stuck(&plan.registry, "slow");
    let platform = plan.start().await;
    let creating = tokio::spawn({
        let provisioner = platform.provisioner.clone();
        async move { provisioner.create(request("sleep 60")).await }
    });
    while platform.listed().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    platform.provisioner.drain(Duration::from_millis(1)).await;
    let refused = platform
        .provisioner
        .create(request("true"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ProvisionErrorKind::ShuttingDown);
    assert_eq!(
        platform
            .admin("POST", "/workspaces", Some(json!({"command": ["true"]})))
            .await
            .status,
        503
    );
    drop(release);
    platform.provisioner.drain(Duration::from_secs(20)).await;
    let id = creating.await.unwrap().unwrap().workspace.record.id;
    platform.reaches(&id, WorkspaceState::Running).await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_built_in_code_is_checked_too() {
    let plan = Plan::default();
    setter(&plan.registry, "m", "A", "1", false);
    let platform = plan.start().await;
    let mut bad = request("true");
    bad.spec.env.insert("A=B".into(), String::new().into());
    bad.spec.command.clear();
    let error = platform.provisioner.create(bad).await.unwrap_err();
    let ProvisionErrorKind::Invalid(problems) = error.kind else {
        panic!("{error:?}")
    };
    assert_eq!(problems.len(), 2);

    let mut missing = request("true");
    missing.spec.command = vec!["no-such-command".into()];
    let error = platform.provisioner.create(missing).await.unwrap_err();
    assert_eq!(
        error.kind,
        ProvisionErrorKind::Failed(Reason::CommandNotFound, None)
    );
    assert!(
        error.causes().contains("no-such-command"),
        "{}",
        error.causes()
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_refused_where_there_are_none_before_anything_is_recorded() {
    let platform = Plan::default().start().await;
    let body = json!({"command": ["true"], "container": {"image": "agent:3"}});
    let refused = platform.admin("POST", "/workspaces", Some(body)).await;
    assert_eq!(
        refused.line(),
        r#"400 {"error":"the workspace cannot be created as described","problems":[{"field":"container","problem":"expected `resources` alone, because the local runtime has no containers, found more: leave it out, or use another runtime"}]}"#
    );
    let listed = platform.admin("GET", "/workspaces", None).await;
    assert_eq!(listed.line(), r#"200 {"workspaces":[],"next":null}"#);
    platform.end().await;
}
