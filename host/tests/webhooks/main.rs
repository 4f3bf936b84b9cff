//! Webhooks over a real log and real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod failing;
mod receiver;
#[path = "../http_client/server.rs"]
#[expect(dead_code, reason = "shared with the tests of the client")]
mod server;
mod signing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    events::{EventLog, Filter},
    metrics::{BuildInfo, Metrics},
    redact::Redactor,
    registry::Registry,
    secret::Secret,
    services::http::{HttpClient, HttpSettings},
    store::{EventKind, NewEvent, Store},
    token::{Broker, BrokerSettings},
    webhooks::{SigningKey, Target, Webhook, Webhooks},
    workspace_id::WorkspaceId,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::receiver::Receiver;

pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const OTHER_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A log, and the webhooks that read it.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) metrics: Metrics,
    pub(crate) settings: HttpSettings,
    _dir: TempDir,
}

pub(crate) fn key(text: &str) -> SigningKey {
    SigningKey::parse(text).unwrap()
}

pub(crate) fn webhook(name: &str, url: String) -> Webhook {
    Webhook {
        name: name.to_owned(),
        target: Target::parse(Secret::new(url)).unwrap(),
        keys: vec![key(KEY)],
        filter: Filter::default(),
        give_up_after: DAY,
    }
}

fn ws(tenant: &str) -> WorkspaceId {
    format!("of-{tenant}").parse().unwrap()
}

impl World {
    /// With a workspace of the tenant `acme`: that is event 1.
    pub(crate) async fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap()).await
    }

    /// The same in a directory, over the store that is there.
    pub(crate) async fn over(dir: TempDir) -> Self {
        let registry = Arc::new(Registry::new());
        let broker = Broker::new(BrokerSettings::default(), Redactor::new());
        let world = Self {
            store: Store::open(&dir.path().join("db")).unwrap(),
            metrics: Metrics::new(BuildInfo::default(), registry, broker, &[]),
            settings: HttpSettings::default(),
            _dir: dir,
        };
        world.workspace("acme").await;
        world
    }

    async fn workspace(&self, tenant: &str) {
        let spec = json!({"tenant": tenant, "runtime": "local", "command": ["x"]});
        let spec = serde_json::from_value(spec).unwrap();
        self.store.insert(&ws(tenant), "", &spec).await.unwrap();
    }

    /// Puts events of the tenant on record.
    pub(crate) async fn steps(&self, tenant: &str, count: usize) {
        for number in 0..count {
            let event = NewEvent::new(EventKind::ProvisionStep, &json!({"number": number}));
            self.store.append(&ws(tenant), event).await.unwrap();
        }
    }

    pub(crate) fn webhooks(&self, webhooks: Vec<Webhook>) -> Webhooks {
        let client = HttpClient::new(&self.settings).unwrap();
        let log = EventLog::new(self.store.clone());
        Webhooks::new(webhooks, &client, log, &self.metrics)
    }

    /// Runs webhooks once it is on record where they begin.
    pub(crate) async fn run(&self, webhooks: Vec<Webhook>) -> Running {
        let names: Vec<_> = webhooks.iter().map(|hook| hook.name.clone()).collect();
        let running = Running::of(&self.webhooks(webhooks));
        self.store.webhooks(names).await.unwrap();
        running
    }

    /// Waits until this is in the metrics.
    pub(crate) async fn shows(&self, line: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let text = self.metrics.encode().unwrap();
            if text.lines().any(|found| found == line) {
                return;
            }
            assert!(Instant::now() < deadline, "expected {line} in {text}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it is on record that the webhook is through with this event.
    async fn passes(&self, name: &str, seq: i64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.store.webhooks(vec![name.to_owned()]).await.unwrap() != [seq] {
            assert!(Instant::now() < deadline, "{name} never passes {seq}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Webhooks that deliver until this is dropped, as a platform that is killed.
pub(crate) struct Running(JoinHandle<()>);

impl Running {
    pub(crate) fn of(webhooks: &Webhooks) -> Self {
        let webhooks = webhooks.clone();
        Self(tokio::spawn(async move { webhooks.run().await }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_hears_of_what_it_asked_for_in_order_from_now_on() {
    let world = World::new().await;
    world.workspace("other").await;
    let (all, some) = (Receiver::start([]).await, Receiver::start([]).await);
    let kinds = Filter::default().of_kinds(["provision.*"]).unwrap();
    let choosy = Webhook {
        filter: kinds.of_tenants(["other".to_owned()]),
        ..webhook("choosy", some.url())
    };
    let _running = world.run(vec![webhook("all", all.url()), choosy]).await;
    world.steps("acme", 300).await;
    world.steps("other", 2).await;
    world.store.delete(&ws("other")).await.unwrap();

    let requests = all.had(303).await;
    assert_eq!(all.seqs(), (3..=305).collect::<Vec<_>>());
    let first = &requests[0];
    assert_eq!(first.header("content-type"), "application/json");
    assert!(first.header("user-agent").starts_with("provisionhook/"));
    let body: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["type"], "provision.step");
    assert_eq!(body["workspace"], "of-acme");
    assert_eq!(body["data"], json!({"number": 0}));
    some.had(2).await;
    assert_eq!(some.seqs(), [303, 304]);
    world.passes("all", 305).await;
    world
        .shows("provisionhook_webhook_deliveries_total{webhook=\"all\",outcome=\"delivered\"} 303")
        .await;
    world
        .shows("provisionhook_webhook_lag_seconds{webhook=\"all\"} 0")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_platform_goes_on_where_the_last_was_and_a_new_webhook_begins_now() {
    let world = World::new().await;
    let receiver = Receiver::start([]).await;
    let running = world.run(vec![webhook("a", receiver.url())]).await;
    world.steps("acme", 5).await;
    receiver.had(5).await;
    world.passes("a", 6).await;
    drop(running);
    world.steps("acme", 5).await;
    let new = Receiver::start([]).await;
    let both = vec![webhook("a", receiver.url()), webhook("new", new.url())];
    let running = world.run(both).await;
    receiver.had(10).await;
    assert_eq!(receiver.seqs(), (2..=11).collect::<Vec<_>>());
    world.passes("a", 11).await;
    drop(running);

    // One that is taken out of the configuration for a while does not hear of that while.
    drop(world.run(vec![webhook("new", new.url())]).await);
    world.steps("acme", 5).await;
    let _running = world.run(vec![webhook("a", receiver.url())]).await;
    world.steps("acme", 1).await;
    receiver.had(11).await;
    assert_eq!(receiver.seqs().last(), Some(&17));
    assert_eq!(new.seqs(), [0_i64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_answered_comes_again_under_the_same_id() {
    let world = World::new().await;
    let receiver = Receiver::start([receiver::Does::Hang]).await;
    let running = world.run(vec![webhook("a", receiver.url())]).await;
    world.steps("acme", 2).await;
    let before = receiver.had(1).await;
    drop(running);
    let _running = world.run(vec![webhook("a", receiver.url())]).await;
    let after = receiver.had(3).await;
    assert_eq!(receiver.seqs(), [2, 2, 3]);
    assert_eq!(
        before[0].header("webhook-id"),
        after[1].header("webhook-id")
    );
    assert_ne!(after[1].header("webhook-id"), after[2].header("webhook-id"));
}
