//! What a run hands back.

use std::time::Duration;

use super::{OnConflict, RawStep, Scratch, Settings};
use crate::{
    env::{Conflict, EnvValue, Provenance, Resolved, resolve},
    fault::{Fault, FaultKind},
    redact::{Guard, Redactor},
    registry::Snapshot,
};

/// The outcome of a run that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainOutcome {
    /// The environment, sorted by name.
    pub env: Vec<(String, EnvValue)>,
    /// Who set what, one entry for each variable, sorted by name.
    pub provenance: Vec<Provenance>,
    /// Who replaced what someone else had set, in order.
    pub conflicts: Vec<Conflict>,
    /// What each plugin with a mutator came to, in order.
    pub steps: Vec<Step>,
}

/// A run that failed. Displayed as `provisionhook "NAME": cause`; for the log, not for a caller outside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("provisionhook {plugin:?}: {fault}")]
pub struct ChainError {
    /// The plugin that failed.
    pub plugin: String,
    /// How.
    pub fault: Fault,
    /// What the plugins up to this one came to, in order.
    pub steps: Vec<Step>,
}

/// What one plugin came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub plugin: String,
    /// What became of its call.
    pub outcome: StepOutcome,
    /// How long it took, to within a tick of the kernel (1 to 10 ms).
    pub took: Duration,
}

/// What became of a plugin's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Its edits were kept.
    Applied,
    /// Its selector does not apply to this workspace; it was not called.
    NotSelected,
    /// A transient fault; its edits were dropped and the run went on.
    Skipped(Fault),
    /// It failed, and with it the run.
    Failed(Fault),
}

impl ChainOutcome {
    /// # Errors
    /// The conflict policy forbids what the plugins did.
    pub(super) fn new(
        mut scratch: Scratch,
        plugins: &Snapshot,
        settings: &Settings,
    ) -> Result<Self, ChainError> {
        let resolved = resolve(&scratch.edits, |owner| {
            plugins.get(owner).map_or("", |plugin| &plugin.name)
        });
        match settings.on_conflict {
            OnConflict::Allow => {}
            OnConflict::Warn => resolved.conflicts.iter().for_each(warn),
            OnConflict::Fail => {
                if let Some(conflict) = resolved.conflicts.first() {
                    return Err(scratch.fail(
                        plugins,
                        conflict.owner,
                        forbidden(conflict),
                        Duration::ZERO,
                    ));
                }
            }
        }
        let Resolved {
            env,
            provenance,
            conflicts,
        } = resolved;
        Ok(Self {
            env,
            provenance,
            conflicts,
            steps: scratch.named_steps(plugins),
        })
    }

    /// Protects every secret value of the environment, for as long as the guards live.
    #[must_use = "the values are protected while the guards live"]
    pub fn protect(&self, redactor: &Redactor) -> Vec<Guard> {
        self.env
            .iter()
            .filter(|(_, value)| value.secret)
            .map(|(_, value)| redactor.protect(&value.value))
            .collect()
    }
}

impl Scratch {
    /// The error of the run in which the plugin with this index failed.
    #[cold]
    pub(super) fn fail(
        &mut self,
        plugins: &Snapshot,
        index: usize,
        fault: Fault,
        took: Duration,
    ) -> ChainError {
        self.steps.push(RawStep {
            index,
            outcome: StepOutcome::Failed(fault.clone()),
            took,
        });
        ChainError {
            plugin: name(plugins, index),
            fault,
            steps: self.named_steps(plugins),
        }
    }

    pub(super) fn named_steps(&mut self, plugins: &Snapshot) -> Vec<Step> {
        let named = |step: RawStep| Step {
            plugin: name(plugins, step.index),
            outcome: step.outcome,
            took: step.took,
        };
        self.steps.drain(..).map(named).collect()
    }
}

fn name(plugins: &Snapshot, index: usize) -> String {
    plugins
        .get(index)
        .map(|plugin| plugin.name.clone())
        .unwrap_or_default()
}

fn warn(conflict: &Conflict) {
    let Conflict {
        key, plugin, over, ..
    } = conflict;
    tracing::warn!(key, plugin, over = %over, "a plugin replaced what another had set");
}

fn forbidden(conflict: &Conflict) -> Fault {
    let Conflict { key, over, .. } = conflict;
    Fault::new(
        FaultKind::Config,
        format!(
            "expected to be the only one that sets {key}, found that {over} has set it before; let only one of them set it, or allow conflicts"
        ),
    )
}
