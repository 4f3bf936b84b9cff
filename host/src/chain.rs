//! Runs the plugins of a registry over the environment of one workspace.
//!
//! In order, each sees what the earlier ones wrote; the first error ends the run, and the later ones do not run. The edits
//! of a plugin are kept only if it succeeds. Plugins that do not touch each other's variables and may take their time run
//! together; the outcome is that of the sequential order, except that those behind one that failed have been called.
//!
//! [`apply`] is the hot path: without a lock, an allocation or a log line for plugins that are ready at once. [`run`] goes
//! on to work out environment, provenance and conflicts. [`run_within`] answers in time whatever a plugin does.
//! [`contribute`] then asks for the files.

mod attempt;
mod contribute;
mod explain;
mod one;
mod outcome;
mod select;
mod settle;
mod together;
mod within;

use std::{sync::Arc, time::Duration};

use crate::{
    call::Call,
    clock::coarse_now,
    env::{BaseEnv, Edits},
    registry::Snapshot,
};

use attempt::{Attempt, Progress};
use settle::Settled;

pub use contribute::{Asked, Contributed, SetFile, contribute, contribute_within};
pub(crate) use contribute::{blocked, conflict, protect};
pub use explain::{Change, ChangeKind, ExplainedFile, ExplainedStep, Explanation, explain};
pub(crate) use one::Caller;
pub use outcome::{ChainError, ChainOutcome, Step, StepOutcome};
pub(crate) use select::selects;
pub use within::run_within;

/// What holds for all plugins of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most time that a call may take once it is pending, if the plugin's policy names none.
    pub plugin_budget: Duration,
    /// What to do about a plugin that replaces what another one, the user or the platform has set.
    pub on_conflict: OnConflict,
}

/// What to do about a plugin that replaces what another one, the user or the platform has set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The later one wins.
    Allow,
    /// The later one wins, and the log says so at the end of the run.
    #[default]
    Warn,
    /// The run fails, naming both.
    Fail,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plugin_budget: Duration::from_secs(10),
            on_conflict: OnConflict::default(),
        }
    }
}

/// The buffers of a run. Handed to the next run, they cost it no allocation.
#[derive(Debug, Default)]
pub struct Scratch {
    edits: Edits,
    steps: Vec<RawStep>,
}

/// A step before it is given the plugin's name.
#[derive(Debug)]
struct RawStep {
    index: usize,
    outcome: StepOutcome,
    took: Duration,
}

impl Scratch {
    /// The edits of the last run.
    #[must_use]
    pub fn edits(&mut self) -> &mut Edits {
        &mut self.edits
    }
}

/// Runs the plugins and works out what they come to. To be called inside a tokio runtime with its timer enabled; a plugin
/// that blocks inside an inline call blocks the caller (see [`run_within`]).
///
/// # Errors
/// A plugin failed, the deadline passed, or the conflict policy forbids what the plugins did.
pub async fn run(
    plugins: &Snapshot,
    base: Arc<BaseEnv>,
    call: &Call,
    settings: &Settings,
) -> Result<ChainOutcome, ChainError> {
    run_watched(plugins, base, call, settings, &Progress::default()).await
}

/// # Errors
/// As [`run`].
async fn run_watched(
    plugins: &Snapshot,
    base: Arc<BaseEnv>,
    call: &Call,
    settings: &Settings,
    progress: &Progress,
) -> Result<ChainOutcome, ChainError> {
    let scratch =
        apply_watched(Scratch::default(), plugins, base, call, settings, progress).await?;
    ChainOutcome::new(scratch, plugins, settings)
}

/// Runs the plugins; what they wrote is in the scratch that is given back.
///
/// # Errors
/// A plugin failed, or the deadline passed.
pub async fn apply(
    scratch: Scratch,
    plugins: &Snapshot,
    base: Arc<BaseEnv>,
    call: &Call,
    settings: &Settings,
) -> Result<Scratch, ChainError> {
    apply_watched(scratch, plugins, base, call, settings, &Progress::default()).await
}

/// # Errors
/// As [`apply`].
async fn apply_watched(
    mut scratch: Scratch,
    plugins: &Snapshot,
    base: Arc<BaseEnv>,
    call: &Call,
    settings: &Settings,
    progress: &Progress,
) -> Result<Scratch, ChainError> {
    scratch.edits.reset(base);
    scratch.steps.clear();
    let mut attempt = Attempt {
        call,
        settings,
        now: coarse_now(),
    };
    for wave in plugins.waves() {
        if wave.together {
            together::run(
                &mut scratch,
                plugins,
                wave.members.clone(),
                &mut attempt,
                progress,
            )
            .await?;
            continue;
        }
        for index in wave.members.clone() {
            let plugin = &*plugins[index];
            let Some(mutator) = plugin.mutator.as_deref() else {
                continue;
            };
            if !selects(&plugin.policy.selector, &call.attributes) {
                scratch.steps.push(RawStep {
                    index,
                    outcome: StepOutcome::NotSelected,
                    took: Duration::ZERO,
                });
                continue;
            }
            progress.enter(index);
            let begun = attempt.now;
            let result = attempt
                .call(index, plugin, mutator, &mut scratch.edits)
                .await;
            let settled = settle::settle(plugin, &mut scratch.edits, result);
            scratch.note(plugins, index, settled, attempt.now - begun)?;
        }
    }
    Ok(scratch)
}

impl Scratch {
    /// Files the step of a plugin.
    ///
    /// # Errors
    /// It failed, and with it the run.
    #[inline]
    fn note(
        &mut self,
        plugins: &Snapshot,
        index: usize,
        settled: Settled,
        took: Duration,
    ) -> Result<(), ChainError> {
        let outcome = match settled {
            Settled::Kept => StepOutcome::Applied,
            Settled::Skipped(fault) => StepOutcome::Skipped(fault),
            Settled::Failed(fault) => return Err(self.fail(plugins, index, fault, took)),
        };
        self.steps.push(RawStep {
            index,
            outcome,
            took,
        });
        Ok(())
    }
}
