//! The way from a record to a running workspace: chain, then start. Nothing is started unless the chain succeeds.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    call::{Attributes, Call},
    chain::Asked,
    fault::FaultKind,
    provision::{
        Inner, Outcome, ProvisionError, ProvisionErrorKind, Provisioned, Reason, WorkspaceToken,
        platform, plugins::Made,
    },
    runtime::{RuntimeErrorKind, StartSpec},
    store::{self, TokenHash, WorkspaceRecord, WorkspaceState},
    workspace_id::WorkspaceId,
};

/// How long the caller of a start that failed waits until it has been taken back.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a workspace did not start.
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) fault: Option<FaultKind>,
    pub(super) source: Box<dyn Error + Send + Sync>,
}

impl Failure {
    pub(super) fn new(reason: Reason, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            reason,
            fault: None,
            source: source.into(),
        }
    }
}

impl Inner {
    /// Runs the chain and starts the workspace, and records how far it came. `record` is recorded as provisioning.
    pub(super) async fn provision(
        self: &Arc<Self>,
        record: WorkspaceRecord,
    ) -> Outcome<Provisioned> {
        let id = record.id.clone();
        let provisioned = self.provision_and_record(record).await;
        if let Err(error) = &provisioned
            && !matches!(error.kind, ProvisionErrorKind::Failed(..))
        {
            // How far it came could not be recorded.
            self.finish_later(&id);
        }
        provisioned
    }

    async fn provision_and_record(
        self: &Arc<Self>,
        record: WorkspaceRecord,
    ) -> Outcome<Provisioned> {
        let begun = Instant::now();
        let id = record.id.clone();
        let token = WorkspaceToken::generate()
            .map_err(|error| platform(Some(&id), "drawing a token", error))?;
        self.records.set_token(&id, token.hash()).await?;
        self.owe(&record).await?;
        let launched = self.launch(&record, &token).await;
        let outcome = launched
            .as_ref()
            .map_or_else(|failure| failure.reason.as_str(), |_| "running");
        self.metrics.provisioned(outcome, begun.elapsed());
        match launched {
            Ok(asked) => {
                tracing::info!(workspace = %id, "workspace running");
                let record = self.running(record, token.hash(), Some(asked)).await?;
                Ok(Provisioned {
                    workspace: self.records.with_provision(record).await?,
                    token,
                })
            }
            Err(Failure {
                reason,
                fault,
                source,
            }) => {
                self.fail(record, reason).await?;
                Err(
                    ProvisionError::new(&id, ProvisionErrorKind::Failed(reason, fault))
                        .because(source),
                )
            }
        }
    }

    /// Gives what the plugins said when they were asked for files.
    async fn launch(
        self: &Arc<Self>,
        record: &WorkspaceRecord,
        token: &WorkspaceToken,
    ) -> Result<Vec<Asked>, Failure> {
        let _token = self.redactor.protect(token.secret());
        let Made {
            env,
            files,
            asked,
            guards,
        } = self.run_plugins(record, token).await?;
        let spec = StartSpec::new(record.id.clone(), record.spec.command.clone(), env)
            .map_err(|error| start_failure(error.kind(), error))?
            .with_container(record.spec.container.clone())
            .with_files(files);

        // Before the start: the first thing that the workspace does may be to ask for a token.
        self.broker.begin_workspace(record.id.as_str());
        self.access.open(token.hash(), call(record), guards);
        match tokio::time::timeout(self.settings.start_time, self.runtime.start(&spec)).await {
            Ok(Ok(())) => Ok(asked),
            Ok(Err(error)) => {
                self.take_back(spec.id()).await;
                Err(start_failure(error.kind(), error))
            }
            Err(elapsed) => {
                self.take_back(spec.id()).await;
                Err(Failure::new(Reason::TimedOut, elapsed))
            }
        }
    }

    /// Sees that nothing is left of a start that failed. It may have gone well after all, and a failed workspace must not run.
    async fn take_back(self: &Arc<Self>, id: &WorkspaceId) {
        let error = match tokio::time::timeout(PATIENCE, self.undo(id)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.causes(),
            Err(elapsed) => elapsed.to_string(),
        };
        tracing::warn!(workspace = %id, error, "a start that failed could not be taken back: it is tried again until it is");
        self.finish_later(id);
    }

    /// Records that a workspace runs, unless it is recorded as alive, lets it ask for tokens, keeps it, and watches for its end. `asked`: see
    /// [`keep`](Self::keep).
    pub(super) async fn running(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        hash: TokenHash,
        asked: Option<Vec<Asked>>,
    ) -> Outcome<WorkspaceRecord> {
        if !self.access.is_open(record.id.as_str()) {
            self.access.open(hash, call(&record), Vec::new());
        }
        let record = if record.state.is_alive() {
            record
        } else {
            let record = self.begin_time(record).await?;
            self.records
                .advance(record, WorkspaceState::Running, store::Outcome::default())
                .await?
        };
        self.keep(&record, hash, asked);
        self.expiries.expect(&record);
        self.watch(record.id.clone(), hash);
        Ok(record)
    }

    /// Records that a workspace failed.
    pub(super) async fn fail(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        reason: Reason,
    ) -> Outcome<()> {
        self.clean_up(&record.id).await;
        tracing::warn!(workspace = %record.id, reason = reason.as_str(), "workspace failed");
        let outcome = store::Outcome {
            reason: Some(reason.as_str().to_owned()),
            ..store::Outcome::default()
        };
        let failed = self
            .records
            .advance(record, WorkspaceState::Failed, outcome)
            .await?;
        self.pay(&failed.id).await;
        Ok(())
    }
}

/// In whose name the workspace's plugins are called.
pub(super) fn call(record: &WorkspaceRecord) -> Call {
    let spec = &record.spec;
    let attributes = Attributes {
        workspace_id: record.id.to_string(),
        name: record.name.clone(),
        tenant: spec.tenant.clone().unwrap_or_default(),
        role: spec.role.clone().unwrap_or_default(),
        runtime: spec.runtime.clone(),
        labels: spec.labels.clone(),
    };
    Call {
        attributes,
        ..Call::default()
    }
}

fn start_failure(
    kind: RuntimeErrorKind,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> Failure {
    let reason = match kind {
        RuntimeErrorKind::CommandNotFound => Reason::CommandNotFound,
        RuntimeErrorKind::NotExecutable => Reason::NotExecutable,
        RuntimeErrorKind::Invalid => Reason::Unstartable,
        RuntimeErrorKind::TooLarge => Reason::TooLarge,
        RuntimeErrorKind::Image => Reason::ImageUnavailable,
        RuntimeErrorKind::Unavailable => Reason::RuntimeUnavailable,
        RuntimeErrorKind::DiskFull => Reason::DiskFull,
        RuntimeErrorKind::Directory
        | RuntimeErrorKind::Engine
        | RuntimeErrorKind::Obstructed
        | RuntimeErrorKind::OutOfResources
        | RuntimeErrorKind::NotFound
        | RuntimeErrorKind::NotRunning
        | RuntimeErrorKind::StillRunning
        | RuntimeErrorKind::Unsupported
        | RuntimeErrorKind::Supervisor
        | RuntimeErrorKind::Io => Reason::StartFailed,
    };
    Failure::new(reason, error)
}
