//! What is owed to plugins, over real files.

use std::path::Path;

use provisionhook_host::call::Attributes;
use provisionhook_host::store::{EventKind, NewEvent, Store};
use rusqlite::Connection;

use crate::{id, pages::older, with_one};

fn told() -> NewEvent {
    NewEvent::new(EventKind::CleanupStep, &serde_json::json!({"plugin": "p"}))
}

#[tokio::test]
async fn an_older_file_is_brought_up_to_date_with_all_that_is_in_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("db");
    older(&path);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.list().await.unwrap().len(), 2);
    assert_eq!(store.all_owed().await.unwrap(), []);
    store
        .owe(&attributes("ws-1"), &["p".to_owned()])
        .await
        .unwrap();
    drop(store);
    let version = |path: &Path| -> i64 {
        let file = Connection::open(path).unwrap();
        file.pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    };
    assert!(version(&path) > 2);
    assert_eq!(
        Store::open(&path).unwrap().all_owed().await.unwrap().len(),
        1
    );
}

fn attributes(id: &str) -> Attributes {
    Attributes {
        workspace_id: id.to_owned(),
        name: "demo".to_owned(),
        tenant: "acme".to_owned(),
        role: "coder".to_owned(),
        runtime: "local".to_owned(),
        labels: [("a".to_owned(), "b".to_owned())].into(),
    }
}

#[tokio::test]
async fn what_is_owed_outlives_the_workspace_and_its_platform() {
    let (root, store) = with_one().await;
    let (one, two) = (id("ws-1"), id("ws-2"));
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    store
        .owe(&attributes("ws-1"), &names(&["vault", "aws"]))
        .await
        .unwrap();
    store
        .owe(&attributes("ws-2"), &names(&["vault"]))
        .await
        .unwrap();
    let due = store.fall_due(&one).await.unwrap();
    assert!(due.iter().all(|owed| owed.due_since.is_some()), "{due:?}");
    assert!(store.delete(&one).await.unwrap());
    drop(store);

    let store = Store::open(&root.path().join("db")).unwrap();
    let all = store.all_owed().await.unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|owed| (owed.id.as_str(), &*owed.plugin, owed.due_since.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            ("ws-1", "aws", true),
            ("ws-1", "vault", true),
            ("ws-2", "vault", false)
        ]
    );
    assert_eq!(all[0].attributes, attributes("ws-1"));
    // A second end does not make the first one any younger.
    assert_eq!(store.fall_due(&one).await.unwrap(), due);
    store.settle(&one, "aws", told()).await.unwrap();
    store.settle(&one, "aws", told()).await.unwrap();
    assert_eq!(store.owed(&one).await.unwrap(), due[1..]);
    assert_eq!(store.owed(&two).await.unwrap(), all[2..]);
}

#[tokio::test]
async fn a_workspace_that_begins_anew_owes_what_it_owed_and_not_yet() {
    let (_root, store) = with_one().await;
    let ws = id("ws-1");
    store
        .owe(&attributes("ws-1"), &["a".to_owned(), "b".to_owned()])
        .await
        .unwrap();
    store.fall_due(&ws).await.unwrap();
    store.settle(&ws, "b", told()).await.unwrap();
    let renamed = Attributes {
        name: "other".to_owned(),
        ..attributes("ws-1")
    };
    store.owe(&renamed, &["c".to_owned()]).await.unwrap();
    let owed = store.owed(&ws).await.unwrap();
    let names: Vec<_> = owed.iter().map(|owed| &*owed.plugin).collect();
    assert_eq!(names, ["a", "c"]);
    assert!(
        owed.iter()
            .all(|owed| owed.due_since.is_none() && owed.attributes == renamed),
        "{owed:?}"
    );
}
