//! The log of events: with each change, in order, in pages, and for a time.

use std::time::Duration;

use provisionhook_host::store::{
    Event, EventKind, Kept, NewEvent, Outcome, Store, Transition, WorkspaceState as State,
};
use serde_json::json;
use tokio::time::timeout;

use crate::{id, spec, with_one};

/// More than any time.
const NEVER: i64 = 0;

async fn all(store: &Store) -> Vec<Event> {
    store.events(None, 0, 100_000).await.unwrap().events
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| &*event.kind).collect()
}

fn step(plugin: &str) -> NewEvent {
    NewEvent::new(EventKind::ProvisionStep, &json!({"plugin": plugin}))
}

#[tokio::test]
async fn each_change_is_told_once_and_what_did_not_happen_is_not() {
    let (root, store) = with_one().await;
    let ws = id("ws-1");
    store.insert(&ws, "again", &spec()).await.unwrap_err();
    let steps = vec![step("a"), step("b")];
    let recorded = store.set_provision(&ws, "{}".into(), steps).await.unwrap();
    assert!(recorded);
    let failed = Outcome {
        reason: Some("plugin_failed".into()),
        ..Outcome::default()
    };
    let go = |from: State| {
        let (store, ws, failed) = (store.clone(), ws.clone(), failed.clone());
        async move { store.transition(&ws, &[from], State::Failed, failed).await }
    };
    assert_eq!(
        go(State::Running).await.unwrap(),
        Transition::Conflict(State::Provisioning)
    );
    assert_eq!(go(State::Provisioning).await.unwrap(), Transition::Done);
    assert!(store.delete(&ws).await.unwrap());
    assert!(!store.delete(&ws).await.unwrap());
    store.append(&ws, step("late")).await.unwrap();
    drop(store);

    let store = Store::open(&root.path().join("db")).unwrap();
    let events = all(&store).await;
    assert_eq!(
        kinds(&events),
        [
            "workspace.created",
            "provision.step",
            "provision.step",
            "workspace.failed",
            "workspace.deleted"
        ]
    );
    let numbers: Vec<_> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    for event in &events {
        assert_eq!(event.tenant.as_deref(), Some("acme"), "{event:?}");
        assert_eq!(event.workspace, ws);
        assert!(event.at > 1_700_000_000_000);
    }
    assert_eq!(
        events[0].data,
        json!({"name": "first", "runtime": "local", "role": "coder"})
    );
    assert_eq!(events[2].data, json!({"plugin": "b"}));
    assert_eq!(events[3].data, json!({"reason": "plugin_failed"}));
    assert_eq!(*store.last_event().borrow(), 5, "also after a restart");
}

#[tokio::test]
async fn pages_follow_on_each_other_and_a_workspace_has_its_own() {
    let (_root, store) = with_one().await;
    let other = id("other");
    store.insert(&other, "", &spec()).await.unwrap();
    for number in 0..8 {
        let of = if number % 2 == 0 {
            id("ws-1")
        } else {
            other.clone()
        };
        store.append(&of, step(&number.to_string())).await.unwrap();
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = store.events(None, after, 3).await.unwrap();
        assert_eq!(page.kept, Kept { first: 1, last: 10 });
        seen.extend(page.events.iter().map(|event| event.seq));
        after = page.next;
        if page.events.is_empty() {
            break;
        }
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    assert_eq!(after, 10);
    let own = store.events(Some(&other), 2, 100).await.unwrap();
    let numbers: Vec<_> = own.events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [4, 6, 8, 10]);
    assert!(store.knows(&other).await.unwrap());
    assert!(!store.knows(&id("nobody")).await.unwrap());
    store.delete(&other).await.unwrap();
    assert!(store.knows(&other).await.unwrap(), "its events are kept");
    assert_eq!(store.events(Some(&other), 0, 100).await.unwrap().next, 11);
}

#[tokio::test]
async fn who_waits_hears_of_an_event_when_it_can_be_read() {
    let (_root, store) = with_one().await;
    let mut last = store.last_event();
    assert_eq!(*last.borrow_and_update(), 1);
    store.get(&id("ws-1")).await.unwrap();
    assert!(!last.has_changed().unwrap(), "nothing has happened");
    let waiter = tokio::spawn(async move {
        last.changed().await.unwrap();
        *last.borrow()
    });
    store.append(&id("ws-1"), step("a")).await.unwrap();
    let heard = timeout(Duration::from_secs(30), waiter).await.unwrap();
    assert_eq!(heard.unwrap(), 2);
}

#[tokio::test]
async fn the_oldest_events_go_in_small_steps_and_numbers_never_come_again() {
    let (root, store) = with_one().await;
    for number in 0..99 {
        store
            .append(&id("ws-1"), step(&number.to_string()))
            .await
            .unwrap();
    }
    assert_eq!(store.prune_events(NEVER, 100, 1000).await.unwrap(), 0);
    assert_eq!(store.prune_events(NEVER, 40, 25).await.unwrap(), 25);
    assert_eq!(
        store.kept().await.unwrap(),
        Kept {
            first: 26,
            last: 100
        }
    );
    assert_eq!(store.prune_events(NEVER, 40, 1000).await.unwrap(), 35);
    assert_eq!(store.prune_events(NEVER, 40, 1000).await.unwrap(), 0);
    let kept = store.kept().await.unwrap();
    assert_eq!(
        kept,
        Kept {
            first: 61,
            last: 100
        }
    );
    assert!(kept.follows(60) && kept.follows(100));
    assert!(!kept.follows(59) && !kept.follows(101));
    let in_a_year = i64::MAX;
    assert_eq!(store.prune_events(in_a_year, 1000, 30).await.unwrap(), 30);
    assert_eq!(store.prune_events(in_a_year, 1000, 30).await.unwrap(), 10);
    assert_eq!(store.prune_events(in_a_year, 1000, 30).await.unwrap(), 0);
    assert_eq!(
        store.kept().await.unwrap(),
        Kept {
            first: 101,
            last: 100
        }
    );
    drop(store);
    let store = Store::open(&root.path().join("db")).unwrap();
    store.append(&id("ws-1"), step("next")).await.unwrap();
    assert_eq!(all(&store).await[0].seq, 101);
}
