//! The files of the plugins: each call a transaction, in the order of the chain, a later plugin over an earlier one.

mod merge;
mod search;

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::{
    Attempt, ChainError, ChainOutcome, Progress, RawStep, Scratch, Settings, Step, StepOutcome,
    select::selects, settle::is_skipped, within::within,
};
use crate::{
    call::Call,
    capability::Again,
    clock::coarse_now,
    fault::{Fault, FaultKind},
    files::{ContributedFile, Contribution},
    redact::{self, Guard, Redactor},
    registry::{Plugin, Snapshot},
    secret::Secret,
};

pub use merge::SetFile;
use merge::merge;
pub(crate) use merge::{blocked, conflict};

/// The files of one workspace, before it starts.
#[derive(Clone, Debug, Default)]
pub struct Contributed {
    /// The files, each with who set it.
    pub files: Vec<SetFile>,
    /// What each plugin that puts files came to, in order.
    pub steps: Vec<Step>,
    /// Each plugin that was called, in order.
    pub asked: Vec<Asked>,
}

/// What a plugin said that was asked for its files.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its name.
    pub plugin: String,
    /// When to ask again, or why it was skipped.
    pub answer: Result<Again, Fault>,
}

/// A longer secret file is not searched for in what is shown: it is no password or key, and would be dear to search for.
const LONGEST_GUARDED: usize = 16 * 1024;

/// Protects the secret files that are text, for as long as the guards live.
#[must_use = "the values are protected while the guards live"]
pub(crate) fn protect<'a>(
    files: impl Iterator<Item = &'a ContributedFile>,
    redactor: &Redactor,
) -> Vec<Guard> {
    files
        .filter_map(ContributedFile::secret_text)
        .filter(|text| text.len() <= LONGEST_GUARDED)
        .map(|text| redactor.protect(&Secret::new(text)))
        .collect()
}

/// Asks the plugins for their files. Those that `outcome` has skipped are not asked. To be called inside a tokio runtime.
///
/// # Errors
/// A plugin failed, the deadline passed, or the conflict policy forbids what the plugins did.
pub async fn contribute(
    plugins: &Snapshot,
    call: &Call,
    settings: &Settings,
    outcome: &ChainOutcome,
) -> Result<Contributed, ChainError> {
    let skipped = skipped(outcome);
    contribute_watched(plugins, call, settings, &skipped, &Progress::default()).await
}

/// The same on a task of its own on `runtime`, given up when `budget`, or the deadline of `call` if that is sooner, is over.
///
/// # Errors
/// As [`contribute`]; also if a plugin does not return in time, naming it.
pub async fn contribute_within(
    runtime: &Handle,
    budget: Duration,
    plugins: Arc<Snapshot>,
    call: Call,
    settings: Settings,
    outcome: &ChainOutcome,
) -> Result<Contributed, ChainError> {
    if plugins.iter().all(|plugin| plugin.files.is_none()) {
        return Ok(Contributed::default());
    }
    let skipped = skipped(outcome);
    within(runtime, budget, plugins, call, |watch, call| async move {
        contribute_watched(
            watch.plugins(),
            &call,
            &settings,
            &skipped,
            watch.progress(),
        )
        .await
    })
    .await
}

/// Calls one plugin for its files, under its breaker and its budget.
///
/// # Errors
/// It failed, or put what it may not.
pub(super) async fn contribution(
    plugin: &Plugin,
    attempt: &mut Attempt<'_>,
) -> Result<(Vec<ContributedFile>, Again), Fault> {
    let Some(contributor) = plugin.files.as_deref() else {
        return Ok(Default::default());
    };
    let mut files = Contribution::new(Arc::clone(&plugin.file_rules));
    let (call, put) = (attempt.call, &mut files);
    let result = attempt
        .guard(plugin, move || contributor.contribute(call, put))
        .await;
    // The bytes of this very call are protected by nobody yet, and the plugin may have put them into its message.
    let result = result.map_err(|fault| Fault {
        message: redact::without(&fault.message, files.secrets()).into_owned(),
        ..fault
    });
    let files = files
        .finish()
        .map_err(|refused| Fault::new(FaultKind::Config, refused.to_string()))?;
    Ok((files, result?))
}

/// # Errors
/// As [`contribute`].
async fn contribute_watched(
    plugins: &Snapshot,
    call: &Call,
    settings: &Settings,
    skipped: &[String],
    progress: &Progress,
) -> Result<Contributed, ChainError> {
    let mut attempt = Attempt {
        call,
        settings,
        now: coarse_now(),
    };
    let (mut scratch, mut contributed) = (Scratch::default(), Contributed::default());
    for (index, plugin) in plugins.iter().enumerate() {
        if plugin.files.is_none() || skipped.contains(&plugin.name) {
            continue;
        }
        let begun = attempt.now;
        let outcome = if selects(&plugin.policy.selector, &call.attributes) {
            progress.enter(index);
            let called = contribution(plugin, &mut attempt).await;
            contributed.take(plugin, called, settings)
        } else {
            Ok(StepOutcome::NotSelected)
        };
        let took = attempt.now.saturating_duration_since(begun);
        let outcome = outcome.map_err(|fault| scratch.fail(plugins, index, fault, took))?;
        scratch.steps.push(RawStep {
            index,
            outcome,
            took,
        });
    }
    contributed.steps = scratch.named_steps(plugins);
    Ok(contributed)
}

impl Contributed {
    /// # Errors
    /// The plugin failed, and with it the run.
    fn take(
        &mut self,
        plugin: &Plugin,
        called: Result<(Vec<ContributedFile>, Again), Fault>,
        settings: &Settings,
    ) -> Result<StepOutcome, Fault> {
        let name = &*plugin.name;
        let asked = |answer| Asked {
            plugin: plugin.name.clone(),
            answer,
        };
        match called {
            Ok((files, again)) => {
                merge(&mut self.files, name, files, settings.on_conflict)?;
                self.asked.push(asked(Ok(again)));
                Ok(StepOutcome::Applied)
            }
            Err(fault) if is_skipped(plugin, &fault) => {
                tracing::warn!(plugin = name, kind = %fault.kind, cause = %fault, "files of a plugin skipped");
                self.asked.push(asked(Err(fault.clone())));
                Ok(StepOutcome::Skipped(fault))
            }
            Err(fault) => Err(fault),
        }
    }
}

fn skipped(outcome: &ChainOutcome) -> Vec<String> {
    let skipped = |step: &&Step| matches!(step.outcome, StepOutcome::Skipped(_));
    let steps = outcome.steps.iter().filter(skipped);
    steps.map(|step| step.plugin.clone()).collect()
}
