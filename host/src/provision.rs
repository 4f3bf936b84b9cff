//! Workspaces from their wish to their end: persist what was asked, run the chain, start, watch, stop, delete.
//!
//! The record comes first at every step, so that a crash at any point leaves something that
//! [`reconcile`](Provisioner::reconcile) can finish or fail. Operations on one workspace happen one after the other, and
//! go on when their caller goes away.

#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too; theirs are in the error types"
)]

mod access;
mod account;
mod admission;
mod container;
mod environment;
mod error;
mod events;
mod expiry;
mod fields;
mod files;
mod keep;
mod launch;
mod once;
mod orphans;
mod owed;
mod pause;
mod plugins;
mod reconcile;
mod records;
mod settings;
mod spec;
mod tasks;
mod token;
mod ttl;
mod unfinished;
mod watch;
mod workspace;

use std::{fmt, sync::Arc, time::Duration};

use tokio::runtime::Handle;

pub use self::{
    access::{Access, Grant},
    error::{ProvisionError, ProvisionErrorKind},
    fields::Problem,
    once::Created,
    settings::Settings,
    spec::WorkspaceRequest,
    token::{PREFIX as TOKEN_PREFIX, WorkspaceToken},
    ttl::TtlSettings,
    workspace::{File, Provision, Reason, Step, Variable, Workspace},
};
use self::{
    admission::Admission,
    expiry::{EXPIRED, Expiries},
    keep::Keepers,
    owed::Debts,
    records::Records,
    tasks::Tasks,
    unfinished::Unfinished,
    watch::{OUT_OF_MEMORY, UNSEEN},
};
pub(crate) use self::{fields::Fields, workspace::reasons};
use crate::{
    metrics::Metrics,
    redact::Redactor,
    registry::Registry,
    runtime::{OutputStream, Runtime, RuntimeErrorKind},
    store::{self, Filter, Listed, Store, WorkspaceRecord, WorkspaceState},
    token::Broker,
    workspace_id::WorkspaceId,
};

/// What a [`Provisioner`] works with. Shared with the rest of the platform.
pub struct Parts {
    /// The plugins. Each provision runs on a snapshot.
    pub registry: Arc<Registry>,
    /// Where workspaces run.
    pub runtime: Arc<dyn Runtime>,
    /// Where their records are kept.
    pub store: Store,
    /// Forgets the tokens of a workspace that has ended.
    pub broker: Broker,
    /// Keeps their tokens out of every log.
    pub redactor: Redactor,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The Tokio runtime on which plugins run: not the one that serves HTTP, so that a plugin that does not return
    /// blocks nobody else. The same one belongs into [`BrokerSettings::plugins`](crate::token::BrokerSettings::plugins).
    pub plugins: Handle,
    /// How.
    pub settings: Settings,
}

/// Creates workspaces and keeps track of them. A clone is the same one. All methods may be called from any task of a
/// Tokio runtime.
#[derive(Clone)]
pub struct Provisioner(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    runtime: Arc<dyn Runtime>,
    records: Records,
    broker: Broker,
    redactor: Redactor,
    metrics: Arc<Metrics>,
    plugins: Handle,
    settings: Settings,
    access: Access,
    admission: Admission,
    tasks: Arc<Tasks>,
    keepers: Keepers,
    debts: Debts,
    expiries: Expiries,
    unfinished: Unfinished,
}

/// A workspace that was just provisioned, and its token, which nobody can ask for again.
#[derive(Debug)]
pub struct Provisioned {
    /// The workspace.
    pub workspace: Workspace,
    /// Its token.
    pub token: WorkspaceToken,
}

/// How long whoever ends a workspace waits for the plugins to clean up. The others are told in the background.
const PATIENCE: Duration = Duration::from_secs(3);

type Outcome<T> = Result<T, ProvisionError>;

impl Provisioner {
    /// A provisioner. Call [`reconcile`](Self::reconcile) before anything else.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts {
            registry,
            runtime,
            store,
            broker,
            redactor,
            metrics,
            plugins,
            settings,
        } = parts;
        let records = Records::new(store, Arc::clone(&metrics));
        let (access, tasks) = (Access::default(), Tasks::new());
        let admission = Admission::new(settings.at_once, settings.queue, metrics.waiting());
        Self(Arc::new(Inner {
            registry,
            runtime,
            records,
            broker,
            redactor,
            metrics,
            plugins,
            settings,
            access,
            admission,
            tasks,
            keepers: Keepers::default(),
            debts: Debts::default(),
            expiries: Expiries::default(),
            unfinished: Unfinished::default(),
        }))
    }

    /// Creates a workspace and starts it. Returns when it runs or has failed; a failed one is kept, to be looked at.
    ///
    /// # Errors
    /// When the request is not valid, its id is taken, or the provision fails.
    pub async fn create(&self, request: WorkspaceRequest) -> Outcome<Provisioned> {
        let (id, request) = self.prepared(request)?;
        let place = self.enter(&id)?;
        self.operate(id.clone(), move |inner| async move {
            let record = inner.records.insert(&id, &request).await?;
            let _turn = place.turn().await;
            inner.provision(record).await
        })
        .await
    }

    /// The request as it is recorded, and the id of the workspace, which is drawn if none was asked for.
    fn prepared(&self, mut request: WorkspaceRequest) -> Outcome<(WorkspaceId, WorkspaceRequest)> {
        let mut problems = request.problems();
        let refusal = self.0.runtime.refusal(request.spec.container.as_ref());
        problems.extend(refusal.map(|refusal| Problem::new("container", refusal)));
        problems.extend(self.0.settings.ttl.problem(&request.spec));
        if !problems.is_empty() {
            return Err(ProvisionError {
                id: request.id,
                kind: ProvisionErrorKind::Invalid(problems),
                source: None,
            });
        }
        let id = match &request.id {
            Some(id) => id.clone(),
            None => {
                WorkspaceId::generate().map_err(|error| platform(None, "drawing an id", error))?
            }
        };
        request.spec.runtime.clone_from(&self.0.settings.runtime);
        self.0.settings.ttl.apply(&mut request.spec);
        Ok((id, request))
    }

    /// Stops a workspace if it runs, and starts it anew: the chain runs again, and the workspace gets a new token. Its files stay.
    ///
    /// # Errors
    /// When there is none, or the provision fails.
    pub async fn restart(&self, id: &WorkspaceId) -> Outcome<Provisioned> {
        let id = id.clone();
        let place = self.enter(&id)?;
        self.operate(id.clone(), move |inner| async move {
            let _turn = place.turn().await;
            let record = inner.records.get(&id).await?;
            inner.provision_anew(record).await
        })
        .await
    }

    /// Stops a workspace, which keeps its files and its log. Its token opens nothing from now on.
    ///
    /// # Errors
    /// When there is none, or it cannot be stopped.
    pub async fn stop(&self, id: &WorkspaceId) -> Outcome<Workspace> {
        let id = id.clone();
        self.operate(id.clone(), move |inner| async move {
            let record = inner.end(inner.records.get(&id).await?, PATIENCE).await?;
            inner.records.with_provision(record).await
        })
        .await
    }

    /// Stops a workspace and removes its files, its log and its record.
    ///
    /// # Errors
    /// When there is none, or it cannot be stopped or removed.
    pub async fn delete(&self, id: &WorkspaceId) -> Outcome<()> {
        let id = id.clone();
        self.operate(id.clone(), move |inner| async move {
            let record = inner.end(inner.records.get(&id).await?, PATIENCE).await?;
            inner.remove(&record).await
        })
        .await
    }

    /// One workspace.
    ///
    /// # Errors
    /// When there is none, or the store cannot be read.
    pub async fn get(&self, id: &WorkspaceId) -> Outcome<Workspace> {
        let record = self.0.records.get(id).await?;
        self.0.records.with_provision(record).await
    }

    /// One page of the workspaces that `filter` lets through; see [`Store::page`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, filter: Filter, after: Option<i64>, limit: usize) -> Outcome<Listed> {
        self.0.records.page(filter, after, limit).await
    }

    /// The last `tail` bytes that a workspace wrote; empty if it never ran.
    ///
    /// # Errors
    /// When there is none, or its log cannot be read.
    pub async fn logs(&self, id: &WorkspaceId, tail: u64) -> Outcome<Vec<u8>> {
        self.0.records.get(id).await?;
        match self.0.runtime.logs(id, Some(tail)).await {
            Err(error) if error.kind() == RuntimeErrorKind::NotFound => Ok(Vec::new()),
            logs => logs.map_err(|error| ProvisionError::of_runtime(id, "reading the log", error)),
        }
    }

    /// The same, and what it goes on to write until it ends; nothing if it never ran.
    ///
    /// # Errors
    /// When there is none, or its log cannot be read.
    pub async fn follow_logs(&self, id: &WorkspaceId, tail: u64) -> Outcome<OutputStream> {
        self.0.records.get(id).await?;
        match self.0.runtime.follow(id, tail).await {
            Err(error) if error.kind() == RuntimeErrorKind::NotFound => {
                Ok(Box::pin(futures_util::stream::empty()))
            }
            output => {
                output.map_err(|error| ProvisionError::of_runtime(id, "reading the log", error))
            }
        }
    }

    /// Who may ask for tokens.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// Lets no operation begin from now on, and waits at most `limit` for those that run. Workspaces go on running.
    pub async fn drain(&self, limit: Duration) {
        let left = self.0.tasks.drain(limit).await;
        if left > 0 {
            tracing::warn!(
                operations = left,
                "operations on workspaces still ran at the drain limit"
            );
        }
    }

    /// A place for a provision, unless too many wait already.
    fn enter(&self, id: &WorkspaceId) -> Outcome<admission::Place> {
        let place = self.0.admission.enter();
        place.ok_or_else(|| ProvisionError::new(id, ProvisionErrorKind::Overloaded))
    }

    /// Runs `work` when it is the workspace's turn, in a task of its own.
    async fn operate<T, W>(&self, id: WorkspaceId, work: impl FnOnce(Arc<Inner>) -> W) -> Outcome<T>
    where
        T: Send + 'static,
        W: Future<Output = Outcome<T>> + Send + 'static,
    {
        let Some(task) = self.0.tasks.begin() else {
            return Err(ProvisionError::new(&id, ProvisionErrorKind::ShuttingDown));
        };
        let work = work(Arc::clone(&self.0));
        let inner = Arc::clone(&self.0);
        let (of, turn) = (id.clone(), async move {
            let _turn = inner.tasks.turn(&id).await;
            let outcome = work.await;
            drop(task);
            outcome
        });
        tokio::spawn(turn)
            .await
            .unwrap_or_else(|error| Err(platform(Some(&of), "the operation", error)))
    }
}

impl Inner {
    /// Ends a workspace if it runs, and provisions it once more. Its files stay.
    async fn provision_anew(self: &Arc<Self>, record: WorkspaceRecord) -> Outcome<Provisioned> {
        let record = self.end(record, PATIENCE).await?;
        self.clear(&record.id).await?;
        let (state, outcome) = (WorkspaceState::Provisioning, store::Outcome::default());
        let record = self.records.advance(record, state, outcome).await?;
        self.provision(record).await
    }
}

fn platform(
    id: Option<&WorkspaceId>,
    what: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ProvisionError {
    ProvisionError {
        id: id.cloned(),
        kind: ProvisionErrorKind::Platform(what),
        source: Some(source.into()),
    }
}

impl fmt::Debug for Provisioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provisioner")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}
