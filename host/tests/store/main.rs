//! The store over real files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod events;
mod owed;
mod pages;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use provisionhook_host::store::{
    Outcome, Store, StoreErrorKind, TokenHash, Transition, WorkspaceSpec, WorkspaceState as State,
};
use provisionhook_host::workspace_id::WorkspaceId;
use rusqlite::Connection;
use tempfile::TempDir;

fn spec() -> WorkspaceSpec {
    let json = r#"{"tenant":"acme","role":"coder","runtime":"local","labels":{"a":"b"},"command":["sh","-c","x"],"env":{"K":"v=ü\n"}}"#;
    serde_json::from_str(json).unwrap()
}

fn id(text: &str) -> WorkspaceId {
    text.parse().unwrap()
}

fn refusal(path: &Path) -> StoreErrorKind {
    Store::open(path).err().unwrap().kind().clone()
}

async fn with_one() -> (TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(&root.path().join("db")).unwrap();
    store.insert(&id("ws-1"), "first", &spec()).await.unwrap();
    (root, store)
}

#[tokio::test]
async fn a_workspace_is_kept_with_all_its_parts() {
    let (root, store) = with_one().await;
    let outcome = Outcome {
        reason: Some("oom".into()),
        exit_code: Some(137),
        exit_signal: Some(9),
    };
    store
        .transition(
            &id("ws-1"),
            &[State::Provisioning],
            State::Failed,
            outcome.clone(),
        )
        .await
        .unwrap();
    store.insert(&id("a-later-one"), "", &spec()).await.unwrap();
    let before = store.list().await.unwrap();
    drop(store);

    let store = Store::open(&root.path().join("db")).unwrap();
    assert_eq!(store.list().await.unwrap(), before);
    let record = store.get(&id("ws-1")).await.unwrap().unwrap();
    assert_eq!(record, before[0], "the oldest comes first");
    assert_eq!(
        (record.name.as_str(), record.spec, record.state),
        ("first", spec(), State::Failed)
    );
    assert_eq!(record.outcome, outcome);
    assert!(record.created_at > 1_700_000_000_000 && record.updated_at >= record.created_at);
    assert_eq!(store.get(&id("ws-2")).await.unwrap(), None);
}

#[tokio::test]
async fn an_id_is_taken_once_until_it_is_deleted() {
    let (_root, store) = with_one().await;
    let again = store
        .insert(&id("ws-1"), "second", &spec())
        .await
        .unwrap_err();
    assert_eq!(again.kind(), &StoreErrorKind::Exists("ws-1".into()));
    assert_eq!(store.get(&id("ws-1")).await.unwrap().unwrap().name, "first");
    assert!(store.delete(&id("ws-1")).await.unwrap());
    assert!(!store.delete(&id("ws-1")).await.unwrap());
    store.insert(&id("ws-1"), "second", &spec()).await.unwrap();
}

#[tokio::test]
async fn a_transition_happens_only_from_an_expected_state() {
    let (_root, store) = with_one().await;
    let ws = id("ws-1");
    let none = Outcome::default;
    let running = store
        .transition(&ws, &[State::Provisioning], State::Running, none())
        .await
        .unwrap();
    assert_eq!(running, Transition::Done);
    let late = store
        .transition(
            &ws,
            &[State::Provisioning, State::Stopping],
            State::Failed,
            none(),
        )
        .await
        .unwrap();
    assert_eq!(late, Transition::Conflict(State::Running));
    assert_eq!(
        store
            .transition(&ws, &[], State::Failed, none())
            .await
            .unwrap(),
        Transition::Conflict(State::Running)
    );
    let nobody = store
        .transition(&id("ws-2"), &State::ALL, State::Failed, none())
        .await
        .unwrap();
    assert_eq!(nobody, Transition::Absent);
    let either = [State::Provisioning, State::Running];
    assert_eq!(
        store
            .transition(&ws, &either, State::Stopping, none())
            .await
            .unwrap(),
        Transition::Done
    );
    assert_eq!(
        store.get(&ws).await.unwrap().unwrap().state,
        State::Stopping
    );
}

#[tokio::test]
async fn of_many_at_once_one_transition_wins() {
    let (_root, store) = with_one().await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .transition(
                        &id("ws-1"),
                        &[State::Provisioning],
                        State::Running,
                        Outcome::default(),
                    )
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap() == Transition::Done);
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_new_outcome_replaces_the_old_one() {
    let (_root, store) = with_one().await;
    let ws = id("ws-1");
    let failed = Outcome {
        reason: Some("no".into()),
        ..Outcome::default()
    };
    store
        .transition(&ws, &State::ALL, State::Failed, failed)
        .await
        .unwrap();
    store
        .transition(&ws, &State::ALL, State::Provisioning, Outcome::default())
        .await
        .unwrap();
    assert_eq!(
        store.get(&ws).await.unwrap().unwrap().outcome,
        Outcome::default()
    );
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_in_the_files() {
    let (root, store) = with_one().await;
    let ws = id("ws-1");
    assert!(store.token_hash(&ws).await.unwrap().is_none());
    assert!(
        store
            .set_token_hash(&ws, TokenHash::of("the-token-itself"))
            .await
            .unwrap()
    );
    assert!(
        !store
            .set_token_hash(&id("ws-2"), TokenHash::of("x"))
            .await
            .unwrap()
    );
    let hash = store.token_hash(&ws).await.unwrap().unwrap();
    assert!(hash.matches("the-token-itself") && !hash.matches("another"));
    for file in fs::read_dir(root.path()).unwrap().flatten() {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.path());
        let bytes = fs::read(file.path()).unwrap();
        assert!(
            !bytes
                .windows(16)
                .any(|window| window == b"the-token-itself")
        );
    }
}

#[tokio::test]
async fn a_newer_file_is_refused_untouched() {
    let (root, store) = with_one().await;
    let path = root.path().join("db");
    drop(store);
    // Left as a newer platform that was killed leaves it: its last commits are in the journal.
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "journal_mode", "WAL").unwrap();
    newer.pragma_update(None, "user_version", 1_000).unwrap();
    let files = ["db", "db-wal"];
    let killed = tempfile::tempdir().unwrap();
    for name in files {
        fs::copy(root.path().join(name), killed.path().join(name)).unwrap();
    }
    drop(newer);
    let path = killed.path().join("db");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let contents = || files.map(|name| fs::read(killed.path().join(name)).unwrap());
    let before = contents();
    let refused = refusal(&path);
    assert!(
        matches!(refused, StoreErrorKind::Newer { found: 1_000, .. }),
        "{refused:?}"
    );
    assert_eq!(contents(), before);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o644
    );
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_untouched() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("db");
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE cookies (x)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(refusal(&path), StoreErrorKind::Foreign);
    assert_eq!(fs::read(&path).unwrap(), before);

    fs::write(&path, "no database ".repeat(1000)).unwrap();
    assert!(matches!(refusal(&path), StoreErrorKind::Corrupt(_)));
    assert_eq!(
        refusal(&root.path().join("missing/db")),
        StoreErrorKind::CannotOpen
    );
    assert_eq!(refusal(root.path()), StoreErrorKind::Corrupt("a directory"));
}

#[tokio::test]
async fn a_damaged_value_is_an_error_that_says_so() {
    let (root, store) = with_one().await;
    drop(store);
    let path = root.path().join("db");
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE workspaces SET state = 'dancing'", [])
        .unwrap();
    let store = Store::open(&path).unwrap();
    let error = store.get(&id("ws-1")).await.unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Corrupt(_)));
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    store.insert(&id("ws-2"), "", &spec()).await.unwrap();
}

#[tokio::test]
async fn a_second_platform_is_refused_until_the_first_has_closed() {
    let (root, store) = with_one().await;
    let path = root.path().join("db");
    assert_eq!(refusal(&path), StoreErrorKind::Locked);
    let clone = store.clone();
    drop(store);
    assert!(clone.get(&id("ws-1")).await.unwrap().is_some());
    drop(clone);
    Store::open(&path).unwrap();
}

#[tokio::test]
async fn what_a_killed_platform_had_recorded_is_there_and_until_then_it_is_alone() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("db");
    let examples = std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples");
    let mut platform = Command::new(examples.join("record_and_hang"))
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(platform.stdout.take().unwrap()).lines();
    let mut said: Vec<String> = lines.by_ref().take(20).map(Result::unwrap).collect();
    // Another process's locks: those of this one SQLite keeps count of itself.
    assert_eq!(refusal(&path), StoreErrorKind::Locked);
    platform.kill().unwrap();
    platform.wait().unwrap();
    said.extend(lines.map_while(Result::ok));

    let store = Store::open(&path).unwrap();
    let found: Vec<String> = store
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.id.to_string())
        .collect();
    assert!(found.starts_with(&said), "said {said:?}, found {found:?}");
    assert!(
        found.len() <= said.len() + 1,
        "only the last may have been recorded and not said"
    );
    let events = store.events(None, 0, 10_000).await.unwrap().events;
    let created: Vec<_> = events
        .iter()
        .map(|event| event.workspace.as_str())
        .collect();
    assert_eq!(created, found, "each is told of once, and no other");
}

#[tokio::test]
async fn what_the_last_provision_did_is_kept() {
    let (root, store) = with_one().await;
    let ws = id("ws-1");
    assert_eq!(store.provision(&ws).await.unwrap(), None);
    assert!(
        store
            .set_provision(&ws, "{}".into(), Vec::new())
            .await
            .unwrap()
    );
    assert!(
        store
            .set_provision(&ws, r#"{"steps":[]}"#.into(), Vec::new())
            .await
            .unwrap()
    );
    assert!(
        !store
            .set_provision(&id("ws-2"), "{}".into(), Vec::new())
            .await
            .unwrap()
    );
    drop(store);
    let store = Store::open(&root.path().join("db")).unwrap();
    let kept = store.provision(&ws).await.unwrap();
    assert_eq!(kept.as_deref(), Some(r#"{"steps":[]}"#));
}
