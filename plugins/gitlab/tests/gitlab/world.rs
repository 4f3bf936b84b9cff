//! The server, the plugin's parts in front of it, and a world in which time passes, disks fail and processes die as told.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use gitlab::{
    client::Client,
    config::Settings,
    keeper::{Current, Keeper},
    maker::Maker,
    patience::Patience,
};
use gitlab_server::{Builder, GitlabServer, level};
use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    memory::Memory,
    outside::{Outside, Request},
};
use provisionhook_provider_kit_testing::{Wire, with_changes};
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub(crate) const DAY: i64 = 24 * 3600;

/// What a platform's process leaves behind when it dies.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Disk {
    pub(crate) fn keys(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Everything on it, as text.
    pub(crate) fn text(&self) -> String {
        let values = self.0.lock().unwrap();
        let text = values
            .values()
            .map(|value| String::from_utf8_lossy(value).into_owned());
        text.collect()
    }

    fn put(&self, key: &str, value: &[u8]) {
        let mut values = self.0.lock().unwrap();
        values.insert(key.to_owned(), value.to_vec());
    }

    pub(crate) fn damage(&self) {
        for value in self.0.lock().unwrap().values_mut() {
            value.truncate(10);
        }
    }
}

/// Where a process dies: at the first step of that kind after it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    BeforeWrite,
    AfterWrite,
    BeforePost,
    AfterPost,
}

/// One run of the platform.
pub(crate) struct Process {
    wire: Wire,
    disk: Disk,
    clock: Arc<AtomicI64>,
    /// The step to die at, and how many of its kind go well before.
    pub(crate) death: Mutex<Option<(Step, usize)>>,
    /// How many writes fail.
    pub(crate) full: AtomicUsize,
    /// How many go well before.
    spare: AtomicUsize,
}

impl Process {
    fn new(ground: &Ground) -> Self {
        Self {
            wire: Wire::default(),
            disk: ground.disk.clone(),
            clock: Arc::clone(&ground.clock),
            death: Mutex::new(None),
            full: AtomicUsize::new(0),
            spare: AtomicUsize::new(0),
        }
    }

    /// Never returns if this is where the process dies.
    async fn at(&self, step: Step) {
        let dies = {
            let mut death = self.death.lock().unwrap();
            match death.as_mut() {
                Some((when, 0)) => *when == step,
                Some((when, left)) if *when == step => {
                    *left -= 1;
                    false
                }
                _ => false,
            }
        };
        if dies {
            pending::<()>().await;
        }
    }
}

impl Outside for Process {
    fn now(&self) -> Timestamp {
        self.wire.set_clock(self.clock.load(Relaxed));
        self.wire.now()
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Fault> {
        self.wire.sleep(duration).await
    }

    async fn send(&self, request: Request) -> Result<Response, Fault> {
        let post = request.method == "POST";
        if post {
            self.at(Step::BeforePost).await;
        }
        let answer = self.wire.send(request).await;
        if post {
            self.at(Step::AfterPost).await;
        }
        answer
    }
}

impl Memory for Process {
    async fn read(&self, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        let values = self.disk.0.lock().unwrap();
        Ok(values.get(key).cloned().map(Zeroizing::new))
    }

    async fn write(&self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let takes = |count: &AtomicUsize| {
            count
                .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                .is_ok()
        };
        if !takes(&self.spare) && takes(&self.full) {
            return Err(Fault::internal("the disk is full"));
        }
        self.at(Step::BeforeWrite).await;
        self.disk.put(key, value);
        self.at(Step::AfterWrite).await;
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), Fault> {
        self.disk.0.lock().unwrap().remove(key);
        Ok(())
    }
}

/// GitLab, the disk and the time, which outlive every process.
pub(crate) struct Ground {
    pub(crate) gitlab: GitlabServer,
    pub(crate) disk: Disk,
    clock: Arc<AtomicI64>,
}

/// The plugin in one process.
pub(crate) struct Plugin {
    pub(crate) keeper: Keeper<Process>,
    pub(crate) maker: Option<Maker<Process>>,
    client: Arc<Client<Process>>,
}

pub(crate) fn builder() -> Builder {
    GitlabServer::builder()
        .user("ada")
        .group(5, "acme", &[("ada", level::OWNER)])
        .project(58, "acme/web", &[])
        .project(59, "acme/api", &[])
        .service_account(5, "workspaces")
}

impl Ground {
    pub(crate) async fn new() -> Self {
        Self::with(builder()).await
    }

    pub(crate) async fn with(builder: Builder) -> Self {
        Self {
            gitlab: builder.start().await.unwrap(),
            disk: Disk::default(),
            clock: Arc::default(),
        }
    }

    /// A person's token that ends on the day that is so many days from now.
    pub(crate) fn token(&self, scopes: &[&str], days: u16) -> String {
        let end = gitlab::day::days_from(Timestamp::now(), days).to_string();
        self.gitlab.personal_token("ada", scopes, Some(&end))
    }

    /// Starts the plugin with this token and what else the config says.
    pub(crate) fn start(&self, token: &str, more: Value) -> Plugin {
        let config = json!({ "base_url": self.gitlab.base_url(), "token": token });
        let config = with_changes(config, &more);
        let settings = Settings::from_config(serde_json::from_value(config).unwrap()).unwrap();
        let create = settings.create.clone();
        let client = Arc::new(Client::new(settings, Process::new(self)));
        Plugin {
            keeper: Keeper::new(Arc::clone(&client)),
            maker: create.map(|create| Maker::new(Arc::clone(&client), create)),
            client,
        }
    }

    /// Time passes, for everybody.
    pub(crate) fn pass(&self, seconds: i64) {
        let now = self.clock.fetch_add(seconds, Relaxed) + seconds;
        self.gitlab.core().clock.set_skew(now);
    }

    /// How often GitLab was asked to rotate, and what it answered.
    pub(crate) fn rotations(&self) -> Vec<u16> {
        let requests = self.gitlab.core().requests();
        let rotations = requests
            .iter()
            .filter(|request| request.path.ends_with("/rotate"));
        rotations.filter_map(|request| request.status).collect()
    }

    /// The tokens that work.
    pub(crate) fn living(&self) -> Vec<String> {
        let tokens = self.gitlab.tokens().into_iter();
        tokens
            .map(|token| token.value)
            .filter(|value| self.gitlab.works(value))
            .collect()
    }
}

impl Plugin {
    pub(crate) fn process(&self) -> &Process {
        self.client.world()
    }

    /// # Errors
    /// The plugin's.
    pub(crate) async fn token(&self) -> Result<String, Fault> {
        Ok(self.current().await?.token.to_string())
    }

    /// # Errors
    /// The plugin's.
    pub(crate) async fn current(&self) -> Result<Current, Fault> {
        self.keeper.current(Patience::ENDLESS).await
    }

    pub(crate) async fn fault(&self) -> Fault {
        match self.current().await {
            Ok(_) => panic!("expected a fault, found a token"),
            Err(fault) => fault,
        }
    }
}

impl Plugin {
    pub(crate) fn now(&self) -> Timestamp {
        self.process().now()
    }

    /// The plugin's clock alone.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.process().clock.store(seconds, Relaxed);
    }

    pub(crate) fn fill_the_disk_after_one_write(&self) {
        self.process().spare.store(1, Relaxed);
        self.process().full.store(1000, Relaxed);
    }

    pub(crate) fn empty_the_disk(&self) {
        self.process().full.store(0, Relaxed);
    }
}
