//! Deletes and restarts that come at an odd moment.

use std::time::Duration;

use provisionhook_host::{runtime::Runtime, store::WorkspaceState};
use serde_json::json;

use crate::{bench::Plan, client, plugins::mutator};

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_works_once_and_also_where_the_runtime_has_nothing_left() {
    let platform = Plan::default().start().await;
    let (id, _) = platform.sh("sleep 60").await;
    platform.runtime.stop(&id, Duration::ZERO).await.unwrap();
    platform.reaches(&id, WorkspaceState::Stopped).await;
    platform.runtime.remove(&id).await.unwrap();
    let path = format!("/workspaces/{id}");
    let logs = platform.admin("GET", &format!("{path}/logs"), None).await;
    assert_eq!((logs.status, logs.body.as_str()), (200, ""));
    let restarted = platform
        .admin("POST", &format!("{path}/restart"), None)
        .await;
    assert_eq!(restarted.status, 200, "{restarted:?}");
    for expected in [204, 404, 404] {
        let deleted = platform.admin("DELETE", &path, None).await;
        assert_eq!(deleted.status, expected, "{deleted:?}");
    }
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_of_what_is_being_provisioned_waits_for_that() {
    let plan = Plan::default();
    mutator(&plan.registry, "slow", |_, _| {
        std::thread::sleep(Duration::from_millis(500));
        Ok(())
    });
    let platform = plan.start().await;
    let body = json!({"id": "slow", "command": ["sleep", "60"]});
    let create = platform.admin("POST", "/workspaces", Some(body));
    let delete = async {
        let recorded = async || {
            platform
                .provisioner
                .get(&"slow".parse().unwrap())
                .await
                .is_ok()
        };
        while !recorded().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        platform.admin("DELETE", "/workspaces/slow", None).await
    };
    let (created, deleted) = tokio::join!(create, delete);
    assert_eq!((created.status, deleted.status), (201, 204), "{created:?}");
    let metrics = client::send(platform.address, "GET", "/metrics", None, None).await;
    let line = "provisionhook_workspaces{state=\"running\"} 0";
    assert!(metrics.body.contains(line), "{}", metrics.body);
    platform.end().await;
}
