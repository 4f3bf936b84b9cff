//! A platform that was restarted, or killed at any point, against what lives.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    provision::{Provision, WorkspaceToken},
    runtime::{Runtime, RuntimeState, StartSpec},
    store::{Outcome, Store, TokenHash, WorkspaceState},
    workspace_id::WorkspaceId,
};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{
    bench::{Plan, Platform, home, local, request},
    client,
    plugins::{Gives, provider, setter},
};

const UNTIL_TOLD: &str = "while [ ! -e end ]; do sleep 0.05; done; exit";

/// Tells a workspace of [`UNTIL_TOLD`] to end.
fn tell(dir: &TempDir, id: &WorkspaceId) {
    std::fs::write(home(dir, id).join("end"), "").unwrap();
}

/// Waits until the supervisor has recorded how a workspace ended.
async fn ends(dir: &TempDir, id: &WorkspaceId) {
    let exit = dir
        .path()
        .join("workspaces")
        .join(id.as_str())
        .join("exit.json");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !exit.exists() {
        assert!(Instant::now() < deadline, "{id} never ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_platform_takes_over_what_lives_and_records_what_ended() {
    let plan = Plan::default();
    setter(&plan.registry, "m", "A", "1", false);
    let platform = plan.start().await;
    let (lives, token) = platform.sh(&format!("{UNTIL_TOLD} 5")).await;
    let (ended, _) = platform.sh(&format!("{UNTIL_TOLD} 6")).await;
    let dir = platform.leave().await;
    tell(&dir, &ended);
    ends(&dir, &ended).await;

    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start_in(Arc::clone(&dir)).await;
    let get = async |id| platform.provisioner.get(id).await.unwrap();
    // Its supervisor may have been about to end.
    platform.reaches(&ended, WorkspaceState::Stopped).await;
    let found = get(&ended).await.record;
    assert_eq!(
        (found.state, found.outcome.exit_code),
        (WorkspaceState::Stopped, Some(6))
    );
    let found = get(&lives).await;
    assert_eq!(found.record.state, WorkspaceState::Running);
    let mut variables = found.provision.environment.iter();
    assert!(
        variables.any(|variable| variable.set_by == "plugin m"),
        "{found:?}"
    );
    // Its token, of which this platform has seen no more than the hash, still opens.
    let path = format!("/workspaces/{lives}/tokens/p");
    assert_eq!(platform.get(&path, &token).await.status, 200);

    tell(&dir, &lives);
    platform.reaches(&lives, WorkspaceState::Stopped).await;
    assert_eq!(get(&lives).await.record.outcome.exit_code, Some(5));
    platform.end().await;
}

/// Lets the store of a platform that is not there yet refuse this until there is a workspace of the id `room`.
pub(crate) fn until_room(dir: &TempDir, refused: &str) {
    let file = Connection::open(dir.path().join("store.sqlite")).unwrap();
    let trigger = format!(
        "CREATE TRIGGER full BEFORE {refused} AND NOT EXISTS (SELECT 1 FROM workspaces WHERE id = 'room')
         BEGIN SELECT RAISE(ABORT, 'no room'); END"
    );
    file.execute_batch(&trigger).unwrap();
}

/// Makes it.
pub(crate) async fn make_room(platform: &Platform) {
    let room = json!({"id": "room", "command": ["sleep", "60"]});
    let made = platform.admin("POST", "/workspaces", Some(room)).await;
    assert_eq!(made.status, 201, "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_taken_over_is_as_soon_as_there_is_room() {
    let platform = Plan::default().start().await;
    let (lives, token) = platform.sh(&format!("{UNTIL_TOLD} 5")).await;
    let (ended, _) = platform.sh(&format!("{UNTIL_TOLD} 6")).await;
    let dir = platform.leave().await;
    until_room(&dir, "INSERT ON events WHEN NEW.kind = 'workspace.adopted'");
    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start_in(Arc::clone(&dir)).await;
    let path = format!("/workspaces/{lives}/tokens/p");
    assert_eq!(platform.get(&path, &token).await.status, 401);
    // It is recorded that one ends of which nobody has heard yet.
    tell(&dir, &ended);
    platform.reaches(&ended, WorkspaceState::Stopped).await;
    make_room(&platform).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while platform.get(&path, &token).await.status != 200 {
        assert!(Instant::now() < deadline, "its token opens nothing");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tell(&dir, &lives);
    platform.reaches(&lives, WorkspaceState::Stopped).await;
    let found = platform.provisioner.get(&lives).await.unwrap();
    assert_eq!(found.record.outcome.exit_code, Some(5));
    platform.end().await;
}

/// What a platform left that was killed.
pub(crate) struct Wreck {
    dir: Arc<TempDir>,
    pub(crate) store: Store,
    pub(crate) runtime: provisionhook_host::runtime::LocalRuntime,
}

impl Wreck {
    pub(crate) fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let store = Store::open(&dir.path().join("store.sqlite")).unwrap();
        let runtime = local(dir.path());
        Self {
            dir,
            store,
            runtime,
        }
    }

    pub(crate) fn leave(self) -> Arc<TempDir> {
        self.dir
    }

    pub(crate) async fn record(&self, id: &str, states: &[WorkspaceState]) -> WorkspaceId {
        let id: WorkspaceId = id.parse().unwrap();
        let mut spec = request("sleep 60").spec;
        spec.runtime = "local".into();
        self.store.insert(&id, "", &spec).await.unwrap();
        for state in states {
            self.store
                .transition(&id, &WorkspaceState::ALL, *state, Outcome::default())
                .await
                .unwrap();
        }
        id
    }

    pub(crate) async fn run(&self, id: &WorkspaceId) {
        let path = (
            "PATH".to_owned(),
            Zeroizing::new("/usr/bin:/bin".to_owned()),
        );
        let spec =
            StartSpec::new(id.clone(), vec!["sleep".into(), "60".into()], vec![path]).unwrap();
        self.runtime.start(&spec).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lives_is_kept_or_stopped_as_the_record_says() {
    use WorkspaceState::{Failed, Running, Stopped, Stopping};
    let wreck = Wreck::new();
    let token = WorkspaceToken::generate().unwrap();
    let started = wreck.record("started", &[]).await;
    let hash = TokenHash::of(token.secret().expose());
    wreck.store.set_token_hash(&started, hash).await.unwrap();
    let tokenless = wreck.record("tokenless", &[]).await;
    let half = wreck.record("half-stopped", &[Running, Stopping]).await;
    let undead = wreck.record("undead", &[Running, Stopping, Stopped]).await;
    let stranger: WorkspaceId = "stranger".parse().unwrap();
    for id in [&started, &tokenless, &half, &undead, &stranger] {
        wreck.run(id).await;
    }

    let plan = Plan::default();
    provider(&plan.registry, "p", Gives::Value("t"));
    let platform = plan.start_in(wreck.leave()).await;
    let expected = [
        (started.clone(), Running, None),
        (tokenless.clone(), Failed, Some("interrupted".to_owned())),
        (half.clone(), Stopped, None),
        (undead.clone(), Stopped, None),
    ];
    assert_eq!(recorded(&platform).await, expected);
    for id in [half, undead] {
        let state = platform.runtime.state(&id).await.unwrap();
        assert!(matches!(state, RuntimeState::Exited(_)), "{id}: {state:?}");
    }
    for id in [tokenless, stranger] {
        let state = platform.runtime.state(&id).await.unwrap();
        assert_eq!(state, RuntimeState::Absent, "{id}");
        let remains = platform.runtime.remains().await.unwrap();
        assert!(remains.contains(&id), "the files of {id} are kept");
    }
    let path = format!("/workspaces/{started}/tokens/p");
    assert_eq!(
        platform.get(&path, token.secret().expose()).await.status,
        200
    );
    let started = platform.provisioner.get(&started).await.unwrap();
    assert_eq!(started.provision, Provision::default());
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_failed_and_can_be_restarted() {
    use WorkspaceState::{Failed, Running};
    let wreck = Wreck::new();
    let cut_off = wreck.record("cut-off", &[]).await;
    let lost = wreck.record("lost", &[Running]).await;
    let platform = Plan::default().start_in(wreck.leave()).await;
    let expected = [
        (cut_off, Failed, Some("interrupted".to_owned())),
        (lost, Failed, Some("lost".to_owned())),
    ];
    assert_eq!(recorded(&platform).await, expected);
    let metrics = client::send(platform.address, "GET", "/metrics", None, None).await;
    let line = "provisionhook_workspaces{state=\"failed\"} 2";
    assert!(metrics.body.contains(line), "{}", metrics.body);

    let restarted = platform
        .admin("POST", "/workspaces/lost/restart", None)
        .await;
    assert_eq!(
        (restarted.status, restarted.json()["state"].clone()),
        (200, json!("running"))
    );
    platform.end().await;
}

/// Id, state and reason of each workspace.
pub(crate) async fn recorded(
    platform: &Platform,
) -> Vec<(WorkspaceId, WorkspaceState, Option<String>)> {
    let records = platform.listed().await;
    records
        .into_iter()
        .map(|record| (record.id, record.state, record.outcome.reason))
        .collect()
}
