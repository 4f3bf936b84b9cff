//! What the log of events costs: the records of one provision with it, and with a log that keeps nothing.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{hint::black_box, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use provisionhook_host::{
    call::Attributes,
    store::{EventKind, NewEvent, Outcome, Store, TokenHash, WorkspaceSpec, WorkspaceState},
    workspace_id::WorkspaceId,
};
use rusqlite::Connection;
use serde_json::json;

/// How many plugins the provision has.
const PLUGINS: usize = 5;

fn spec() -> WorkspaceSpec {
    let spec = json!({"tenant": "acme", "role": "coder", "runtime": "local", "command": ["sleep", "1"],
        "env": {"EDITOR": "vi"}});
    serde_json::from_value(spec).unwrap()
}

/// All that is recorded of a workspace from its creation to its removal.
async fn provision(store: &Store, id: &WorkspaceId, steps: &[NewEvent]) {
    store.insert(id, "demo", &spec()).await.unwrap();
    store.set_token_hash(id, TokenHash::of("t")).await.unwrap();
    let attributes = Attributes {
        workspace_id: id.to_string(),
        ..Attributes::default()
    };
    store.owe(&attributes, &[]).await.unwrap();
    let json = "{\"steps\":[]}".to_owned();
    store.set_provision(id, json, steps.to_vec()).await.unwrap();
    for (from, to) in [
        (WorkspaceState::Provisioning, WorkspaceState::Running),
        (WorkspaceState::Running, WorkspaceState::Stopping),
        (WorkspaceState::Stopping, WorkspaceState::Stopped),
    ] {
        let from = [from];
        let moved = store.transition(id, &from, to, Outcome::default());
        black_box(moved.await.unwrap());
    }
    store.delete(id).await.unwrap();
}

/// A store whose log keeps nothing.
fn forgetful(path: &Path) -> Store {
    drop(Store::open(path).unwrap());
    let file = Connection::open(path).unwrap();
    file.execute_batch(
        "DROP TABLE events;
         CREATE VIEW events AS SELECT 0 AS seq, 0 AS at, '' AS workspace_id, '' AS tenant, '' AS kind, '' AS data LIMIT 0;
         CREATE TRIGGER forget INSTEAD OF INSERT ON events BEGIN SELECT 1; END",
    )
    .unwrap();
    drop(file);
    Store::open(path).unwrap()
}

fn records(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let step =
        json!({"plugin": "github-app-auth", "call": "mutate", "outcome": "applied", "took_ms": 12});
    let steps = vec![NewEvent::new(EventKind::ProvisionStep, &step); PLUGINS];
    let stores = [
        ("without", forgetful(&dir.path().join("without"))),
        ("with", Store::open(&dir.path().join("with")).unwrap()),
    ];
    for (name, store) in stores {
        criterion.bench_function(
            &format!("records of a provision {name} events"),
            |bencher| {
                bencher.iter(|| {
                    let id = WorkspaceId::generate().unwrap();
                    runtime.block_on(provision(&store, &id, &steps));
                });
            },
        );
    }
}

criterion_group!(benches, records);
criterion_main!(benches);
