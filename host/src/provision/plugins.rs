//! What the plugins make of a workspace before it starts: its variables, then its files, and a record of both.

use std::{sync::Arc, time::Instant};

use zeroize::Zeroizing;

use crate::{
    call::Call,
    chain::{self, Asked, ChainError, ChainOutcome, Contributed},
    fault::FaultKind,
    files::ContributedFile,
    provision::{
        Inner, Provision, ProvisionErrorKind, Reason, WorkspaceToken, account, environment, events,
        launch::{Failure, call},
    },
    redact::Guard,
    registry::Snapshot,
    store::WorkspaceRecord,
};

/// All that a workspace starts with.
pub(super) struct Made {
    pub(super) env: Vec<(String, Zeroizing<String>)>,
    pub(super) files: Vec<ContributedFile>,
    /// Which plugins were asked for files, and when to ask again.
    pub(super) asked: Vec<Asked>,
    /// Keep its secrets out of what is shown.
    pub(super) guards: Vec<Guard>,
}

impl Inner {
    /// Runs the plugins on their own runtime, and records what they did. Returns in time whatever a plugin does.
    pub(super) async fn run_plugins(
        &self,
        record: &WorkspaceRecord,
        token: &WorkspaceToken,
    ) -> Result<Made, Failure> {
        let home = self.runtime.home(&record.id);
        let base = environment::base(&self.settings, record, home.as_deref(), token)
            .map_err(|refusal| Failure::new(Reason::Unstartable, refusal))?;
        let (plugins, settings) = (self.registry.snapshot(), &self.settings.chain);
        // One budget for both.
        let call = Call {
            deadline: Some(Instant::now() + self.settings.chain_time),
            ..call(record)
        };
        let run = chain::run_within(
            &self.plugins,
            self.settings.chain_time,
            Arc::clone(&plugins),
            base,
            call.clone(),
            settings.clone(),
        );
        let mut outcome = match run.await {
            Ok(outcome) => outcome,
            Err(error) => {
                let account = account::provision(&[], &[], &error.steps, &[]);
                return Err(self.refused(record, &account, error).await);
            }
        };
        let contributed = self
            .run_contributors(record, plugins, call, &outcome)
            .await?;
        if let Some(home) = home {
            outcome.search_programs_first(&contributed, &home);
        }
        self.made(record, outcome, contributed).await
    }

    async fn run_contributors(
        &self,
        record: &WorkspaceRecord,
        plugins: Arc<Snapshot>,
        call: Call,
        outcome: &ChainOutcome,
    ) -> Result<Contributed, Failure> {
        let (budget, settings) = (self.settings.chain_time, self.settings.chain.clone());
        // Its values are in nobody's guard yet, and a plugin may repeat what it has read.
        let _guards = outcome.protect(&self.redactor);
        match chain::contribute_within(&self.plugins, budget, plugins, call, settings, outcome)
            .await
        {
            Ok(contributed) => Ok(contributed),
            Err(error) => {
                let (provenance, steps) = (&outcome.provenance, &outcome.steps);
                let account = account::provision(provenance, &[], steps, &error.steps);
                Err(self.refused(record, &account, error).await)
            }
        }
    }

    /// Records what succeeded.
    async fn made(
        &self,
        record: &WorkspaceRecord,
        outcome: ChainOutcome,
        contributed: Contributed,
    ) -> Result<Made, Failure> {
        let account = account::provision(
            &outcome.provenance,
            &contributed.files,
            &outcome.steps,
            &contributed.steps,
        );
        self.records
            .set_provision(&record.id, &account, events::steps(&account))
            .await
            .map_err(|error| {
                let reason = if error.kind == ProvisionErrorKind::DiskFull {
                    Reason::DiskFull
                } else {
                    Reason::StartFailed
                };
                Failure::new(reason, error)
            })?;
        let files: Vec<_> = contributed.files.into_iter().map(|set| set.file).collect();
        let mut guards = outcome.protect(&self.redactor);
        guards.extend(chain::protect(files.iter(), &self.redactor));
        let env = outcome.env.into_iter();
        Ok(Made {
            env: env
                .map(|(key, value)| (key, Zeroizing::new(value.value.expose().to_owned())))
                .collect(),
            files,
            asked: contributed.asked,
            guards,
        })
    }

    /// Records how far the plugins came, and why no further.
    async fn refused(
        &self,
        record: &WorkspaceRecord,
        account: &Provision,
        error: ChainError,
    ) -> Failure {
        let steps = events::steps(account);
        let recorded = self.records.set_provision(&record.id, account, steps);
        if let Err(error) = recorded.await {
            tracing::error!(workspace = %record.id, error = error.causes(), "what the plugins did was not recorded");
        }
        let reason = if error.fault.kind == FaultKind::TimedOut {
            Reason::TimedOut
        } else {
            Reason::PluginFailed
        };
        Failure {
            fault: Some(error.fault.kind),
            ..Failure::new(reason, error)
        }
    }
}
