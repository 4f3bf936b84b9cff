//! Lists page by page, over real files.

use provisionhook_host::store::{Filter, Store, WorkspaceSpec, WorkspaceState as State};
use rusqlite::Connection;

use crate::{id, spec};

/// All pages of at most `limit`, by the ids on them.
async fn pages(store: &Store, filter: &Filter, limit: usize) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(filter.clone(), after, limit).await.unwrap();
        pages.push(
            page.workspaces
                .iter()
                .map(|one| one.id.to_string())
                .collect(),
        );
        match page.next {
            Some(next) => after = Some(next),
            None => return pages,
        }
    }
}

async fn with(specs: &[(&str, &str, WorkspaceSpec)]) -> (tempfile::TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(&root.path().join("db")).unwrap();
    for (id, name, spec) in specs {
        store.insert(&crate::id(id), name, spec).await.unwrap();
    }
    (root, store)
}

#[tokio::test]
async fn pages_neither_miss_nor_repeat_what_is_there_all_the_time() {
    let names = ["c", "a", "b", "e", "d"];
    let (_root, store) = with(&names.map(|name| (name, "", spec()))).await;
    let all = Filter::default();
    assert_eq!(pages(&store, &all, 5).await, [names.to_vec()]);
    assert_eq!(
        pages(&store, &all, 2).await,
        [vec!["c", "a"], vec!["b", "e"], vec!["d"]]
    );

    let first = store.page(all.clone(), None, 2).await.unwrap();
    // The last one seen goes, the first one comes again, and so does another: at the end, both.
    for gone in ["a", "c"] {
        store.delete(&id(gone)).await.unwrap();
    }
    for new in ["c", "0"] {
        store.insert(&id(new), "", &spec()).await.unwrap();
    }
    let rest = store.page(all, first.next, 100).await.unwrap();
    let rest: Vec<_> = rest.workspaces.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(rest, ["b", "e", "d", "c", "0"]);
}

#[tokio::test]
async fn a_place_is_not_given_again_when_the_last_workspace_goes() {
    let (_root, store) = with(&[("a", "", spec()), ("b", "", spec()), ("c", "", spec())]).await;
    let first = store.page(Filter::default(), None, 2).await.unwrap();
    for gone in ["b", "c"] {
        store.delete(&id(gone)).await.unwrap();
    }
    store.insert(&id("d"), "", &spec()).await.unwrap();
    let rest = store.page(Filter::default(), first.next, 2).await.unwrap();
    assert_eq!(rest.workspaces.len(), 1);
}

#[tokio::test]
async fn a_filter_lets_through_what_fits_all_of_it() {
    let labelled = |json: &str| WorkspaceSpec {
        labels: serde_json::from_str(json).unwrap(),
        ..spec()
    };
    let nobodys = WorkspaceSpec {
        tenant: None,
        role: None,
        ..labelled(r#"{"it's \"a\"":"%"}"#)
    };
    let (_root, store) = with(&[
        ("one", "n", labelled(r#"{"a":"b","c":"d"}"#)),
        ("two", "", labelled(r#"{"a":"x"}"#)),
        ("three", "n", nobodys),
    ])
    .await;
    store
        .transition(&id("two"), &State::ALL, State::Running, Default::default())
        .await
        .unwrap();
    let found = async |filter: Filter| pages(&store, &filter, 10).await.concat();
    let named = |text: &str| Some(text.to_owned());
    let labels = |labels: &[(&str, &str)]| Filter {
        labels: labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..Filter::default()
    };
    let states = |states: &[State]| Filter {
        states: states.to_vec(),
        ..Filter::default()
    };
    let (tenant, role, name) = (named("acme"), named("coder"), named("n"));
    let none = Filter::default;
    assert_eq!(found(Filter { tenant, ..none() }).await, ["one", "two"]);
    assert_eq!(found(Filter { role, ..none() }).await, ["one", "two"]);
    assert_eq!(found(Filter { name, ..none() }).await, ["one", "three"]);
    let nobody = named("' OR 1=1 --");
    assert!(
        found(Filter {
            tenant: nobody,
            ..none()
        })
        .await
        .is_empty()
    );
    assert_eq!(found(states(&[State::Running])).await, ["two"]);
    assert_eq!(found(states(&State::ALL)).await.len(), 3);
    assert_eq!(found(labels(&[("a", "b")])).await, ["one"]);
    assert_eq!(found(labels(&[("a", "b"), ("c", "d")])).await, ["one"]);
    assert_eq!(found(labels(&[("it's \"a\"", "%")])).await, ["three"]);
    assert!(found(labels(&[("a", "b"), ("c", "x")])).await.is_empty());
    let both = Filter {
        name: named("n"),
        ..labels(&[("a", "b")])
    };
    assert_eq!(found(both).await, ["one"]);
}

#[tokio::test]
async fn the_workspaces_of_an_older_file_are_listed_in_their_old_order() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("db");
    older(&path);
    let store = Store::open(&path).unwrap();
    let page = store.page(Filter::default(), None, 10).await.unwrap();
    let ids: Vec<_> = page.workspaces.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["older", "newer"]);
    let listed = &page.workspaces[0];
    assert_eq!(
        (
            listed.tenant.as_deref(),
            listed.role.as_deref(),
            listed.runtime.as_str()
        ),
        (Some("acme"), None, "local")
    );
    let labels = [("a".to_owned(), "b".to_owned())].into();
    let filter = Filter {
        labels,
        ..Filter::default()
    };
    assert_eq!(pages(&store, &filter, 10).await, [["older"]]);
    let record = store.get(&id("older")).await.unwrap().unwrap();
    assert_eq!((record.created_at, record.outcome.exit_code), (1, Some(3)));
    assert!(store.token_hash(&id("older")).await.unwrap().is_some());
    assert_eq!(store.provision(&id("older")).await.unwrap().unwrap(), "{}");
}

/// A file of version 1, as the platform made it then, with two workspaces.
pub(crate) fn older(path: &std::path::Path) {
    let spec = r#"{"tenant":"acme","role":null,"runtime":"local","labels":{"a":"b"},"command":["x"],"env":{}}"#;
    let file = Connection::open(path).unwrap();
    let made = "CREATE TABLE workspaces (
            id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
            exit_code INTEGER, exit_signal INTEGER, token_hash BLOB, provision TEXT, created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL) STRICT;
        PRAGMA application_id = 1346926451;
        PRAGMA user_version = 1;";
    file.execute_batch(made).unwrap();
    let insert = "INSERT INTO workspaces VALUES (?, '', ?, 'stopped', NULL, 3, NULL, zeroblob(32), '{}', ?, 5)";
    file.execute(insert, ("newer", spec.replace(r#""a":"b""#, ""), 2))
        .unwrap();
    file.execute(insert, ("older", spec, 1)).unwrap();
}
