//! What an earlier platform still owed.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use provisionhook_host::{
    call::Attributes,
    store::{Store, WorkspaceState},
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    bench::Plan,
    ends::{owed, owes, unless, well},
    lives::lifecycle,
    reconcile::{make_room, until_room},
};

const HOUR: i64 = 60 * 60 * 1000;

/// A directory in which this is owed: workspace, plugin, and how many milliseconds ago it fell due.
async fn wreck(rows: &[(&str, &str, Option<i64>)]) -> Arc<TempDir> {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let path = dir.path().join("store.sqlite");
    let store = Store::open(&path).unwrap();
    for (id, plugin, _) in rows {
        let attributes = Attributes {
            workspace_id: (*id).to_owned(),
            ..Attributes::default()
        };
        store
            .owe(&attributes, &[(*plugin).to_owned()])
            .await
            .unwrap();
    }
    drop(store);
    let file = Connection::open(&path).unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    for (id, plugin, ago) in rows {
        let due = ago.map(|ago| now - ago);
        file.execute(
            "UPDATE owed SET due_since = ? WHERE workspace_id = ? AND plugin = ?",
            (due, id, plugin),
        )
        .unwrap();
    }
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_platform_is_paid_for_by_the_next() {
    // Killed in its chain before the workspace was recorded as failed, and while it told the plugins.
    let dir = wreck(&[("in-chain", "p", None), ("telling", "p", Some(5))]).await;
    let plan = Plan::default();
    let noted = lifecycle(&plan.registry, "p", well());
    let platform = plan.start_in(Arc::clone(&dir)).await;
    noted.reach("ended", 2).await;
    owes(&platform, 0).await;
    let dir = platform.leave().await;
    assert_eq!(owed(&dir).await, []);

    let plan = Plan::default();
    let noted = lifecycle(&plan.registry, "p", well());
    let platform = plan.start_in(dir).await;
    assert_eq!(platform.provisioner.settle(Duration::from_secs(5)).await, 0);
    assert_eq!(noted.all(), [""; 0], "it was paid twice");
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_be_told_for_want_of_room_is_told_when_there_is_some() {
    let dir = wreck(&[]).await;
    until_room(&dir, "UPDATE OF due_since ON owed WHEN true");
    let plan = Plan::default();
    let noted = lifecycle(&plan.registry, "p", well());
    let platform = plan.start_in(dir).await;
    let (id, _) = platform.sh("exit").await;
    platform.reaches(&id, WorkspaceState::Stopped).await;
    let path = format!("/workspaces/{id}");
    assert_eq!(platform.admin("DELETE", &path, None).await.status, 204);
    assert_eq!(noted.count("ended"), 0);
    make_room(&platform).await;
    noted.reach(&format!("ended {id}"), 1).await;
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_or_fails_for_a_day_is_given_up() {
    let dir = wreck(&[
        ("a", "gone", Some(5)),
        ("a", "down", Some(23 * HOUR)),
        ("b", "down", Some(25 * HOUR)),
    ])
    .await;
    let plan = Plan::default();
    let up = Arc::new(AtomicBool::new(false));
    let noted = lifecycle(&plan.registry, "down", unless(&up));
    let platform = plan.start_in(dir).await;
    noted.reach("ended a", 2).await;
    owes(&platform, 1).await;
    assert_eq!(noted.count("ended b"), 1, "one last try");
    let dir = platform.leave().await;
    assert_eq!(
        owed(&dir).await,
        [("a".to_owned(), "down".to_owned(), true)]
    );
}
