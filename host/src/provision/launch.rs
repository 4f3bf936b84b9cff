//! The way from a record to a running workspace: chain, then start. Nothing is started unless the chain succeeds.

use std::{error::Error, sync::Arc, time::Instant};

use zeroize::Zeroizing;

use crate::{
    call::{Attributes, Call},
    chain::{self, ChainOutcome},
    fault::FaultKind,
    provision::{
        Inner, Outcome, ProvisionError, ProvisionErrorKind, Provisioned, Reason, WorkspaceToken,
        environment, platform,
    },
    runtime::{RuntimeErrorKind, StartSpec},
    store::{self, TokenHash, WorkspaceRecord, WorkspaceState},
};

/// Why a workspace did not start.
struct Failure {
    reason: Reason,
    fault: Option<FaultKind>,
    source: Box<dyn Error + Send + Sync>,
}

impl Failure {
    fn new(reason: Reason, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
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
        let begun = Instant::now();
        let id = record.id.clone();
        let token = WorkspaceToken::generate()
            .map_err(|error| platform(Some(&id), "drawing a token", error))?;
        self.records.set_token(&id, token.hash()).await?;
        let launched = self.launch(&record, &token).await;
        let outcome = launched
            .as_ref()
            .map_or_else(|failure| failure.reason.as_str(), |()| "running");
        self.metrics.provisioned(outcome, begun.elapsed());
        match launched {
            Ok(()) => {
                tracing::info!(workspace = %id, "workspace running");
                let record = self.running(record, token.hash()).await?;
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

    async fn launch(
        &self,
        record: &WorkspaceRecord,
        token: &WorkspaceToken,
    ) -> Result<(), Failure> {
        let _token = self.redactor.protect(token.secret());
        let outcome = self.run_chain(record, token).await?;
        let guards = outcome.protect(&self.redactor);
        let env = outcome
            .env
            .iter()
            .map(|(key, value)| (key.clone(), Zeroizing::new(value.value.expose().to_owned())))
            .collect();
        let spec = StartSpec::new(record.id.clone(), record.spec.command.clone(), env)
            .map_err(|error| start_failure(error.kind(), error))?
            .with_container(record.spec.container.clone());
        drop(outcome);

        // Before the start: the first thing that the workspace does may be to ask for a token.
        self.access.open(token.hash(), call(record), guards);
        match tokio::time::timeout(self.settings.start_time, self.runtime.start(&spec)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(start_failure(error.kind(), error)),
            Err(elapsed) => {
                // It may have started after all, and a failed workspace must not run.
                if let Err(error) = self.runtime.stop(spec.id(), self.settings.grace).await {
                    tracing::error!(workspace = %spec.id(), %error, "a workspace that took too long to start could not be stopped");
                }
                Err(Failure::new(Reason::TimedOut, elapsed))
            }
        }
    }

    /// The chain, on the runtime of the plugins. Returns in time whatever a plugin does.
    async fn run_chain(
        &self,
        record: &WorkspaceRecord,
        token: &WorkspaceToken,
    ) -> Result<ChainOutcome, Failure> {
        let home = self.runtime.home(&record.id);
        let base = environment::base(&self.settings, record, home.as_deref(), token)
            .map_err(|refusal| Failure::new(Reason::Unstartable, refusal))?;
        let (budget, settings) = (self.settings.chain_time, self.settings.chain.clone());
        let run = chain::run_within(
            &self.plugins,
            budget,
            self.registry.snapshot(),
            base,
            call(record),
            settings,
        );
        let outcome = run.await;
        let (steps, provenance) = match &outcome {
            Ok(outcome) => (&outcome.steps, outcome.provenance.as_slice()),
            Err(error) => (&error.steps, &[][..]),
        };
        let provision = environment::provision(steps, provenance);
        let recorded = self.records.set_provision(&record.id, &provision).await;
        let outcome = outcome.map_err(|error| {
            let reason = if error.fault.kind == FaultKind::TimedOut {
                Reason::TimedOut
            } else {
                Reason::PluginFailed
            };
            Failure {
                fault: Some(error.fault.kind),
                ..Failure::new(reason, error)
            }
        })?;
        recorded.map_err(|error| Failure::new(Reason::StartFailed, error))?;
        Ok(outcome)
    }

    /// Records that a workspace runs, lets it ask for tokens, and watches for its end.
    pub(super) async fn running(
        self: &Arc<Self>,
        record: WorkspaceRecord,
        hash: TokenHash,
    ) -> Outcome<WorkspaceRecord> {
        if !self.access.is_open(record.id.as_str()) {
            self.access.open(hash, call(&record), Vec::new());
        }
        let record = if record.state == WorkspaceState::Running {
            record
        } else {
            self.records
                .advance(record, WorkspaceState::Running, store::Outcome::default())
                .await?
        };
        self.watch(record.id.clone(), hash);
        Ok(record)
    }

    /// Records that a workspace failed.
    pub(super) async fn fail(&self, record: WorkspaceRecord, reason: Reason) -> Outcome<()> {
        self.close(&record.id);
        tracing::warn!(workspace = %record.id, reason = reason.as_str(), "workspace failed");
        let outcome = store::Outcome {
            reason: Some(reason.as_str().to_owned()),
            ..store::Outcome::default()
        };
        self.records
            .advance(record, WorkspaceState::Failed, outcome)
            .await
            .map(drop)
    }
}

/// In whose name the workspace's plugins are called.
fn call(record: &WorkspaceRecord) -> Call {
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
        RuntimeErrorKind::Invalid | RuntimeErrorKind::TooLarge => Reason::Unstartable,
        RuntimeErrorKind::Image => Reason::ImageUnavailable,
        RuntimeErrorKind::Unavailable => Reason::RuntimeUnavailable,
        RuntimeErrorKind::Directory
        | RuntimeErrorKind::Engine
        | RuntimeErrorKind::Obstructed
        | RuntimeErrorKind::DiskFull
        | RuntimeErrorKind::OutOfResources
        | RuntimeErrorKind::NotFound
        | RuntimeErrorKind::StillRunning
        | RuntimeErrorKind::Supervisor
        | RuntimeErrorKind::Io => Reason::StartFailed,
    };
    Failure::new(reason, error)
}
