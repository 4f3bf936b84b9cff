//! Dry run: what the chain would do, with provenance and without secrets.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    ChainError, ChainOutcome, Contributed, SetFile, Settings, Step, StepOutcome, contribute, run,
};
use crate::{
    call::Call,
    env::{BaseEnv, EnvValue, Provenance, Source},
    redact::{REDACTED, Redactor},
    registry::Snapshot,
};

/// Stands for the home of a workspace that does not exist.
const HOME: &str = "$HOME";

/// What a dry run found. Safe to show: secret values are redacted by flag, by name and by shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Every variable that plugins changed, or that is there unchanged, sorted by name; empty if the run failed.
    pub changes: Vec<Change>,
    /// Every file that plugins put, without its bytes; empty if the run failed.
    pub files: Vec<ExplainedFile>,
    /// What each plugin came to, in order: those of the chain, then those that put files.
    pub steps: Vec<ExplainedStep>,
    /// Why the run failed, if it did: `provisionhook "NAME": cause`.
    pub error: Option<String>,
}

/// What became of one variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What was done to it.
    pub kind: ChangeKind,
    /// Its value before; `None` if there was none.
    pub before: Option<String>,
    /// Its value after; `None` if it was removed.
    pub after: Option<String>,
    /// Who did it.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// What was done to a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It has another value.
    Changed,
    /// It is gone.
    Removed,
    /// It is as it was.
    Kept,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedFile {
    /// Its path beneath the workspace's home.
    pub path: String,
    /// Its permission bits, in octal.
    pub mode: String,
    /// Its bytes must not be shown.
    pub secret: bool,
    /// How many bytes it has.
    pub size: usize,
    /// The plugin that puts it.
    pub set_by: Source,
    /// The plugins whose file that replaced, oldest first.
    pub overrode: Vec<Source>,
}

/// What one plugin came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedStep {
    /// Its name.
    pub plugin: String,
    /// What it was called for: `mutate` or `contribute`.
    pub call: &'static str,
    /// `applied`, `not selected`, `skipped` or `failed`.
    pub outcome: &'static str,
    /// Why it was skipped or failed.
    pub cause: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u128,
}

/// Runs the chain as a dry run. Never fails: what went wrong is in the explanation.
pub async fn explain(
    plugins: &Snapshot,
    base: Arc<BaseEnv>,
    call: &Call,
    settings: &Settings,
    redactor: &Redactor,
) -> Explanation {
    let call = Call {
        dry_run: true,
        ..call.clone()
    };
    let mut outcome = match run(plugins, Arc::clone(&base), &call, settings).await {
        Ok(outcome) => outcome,
        Err(error) => return failed(steps("mutate", &error.steps, redactor), &error, redactor),
    };
    let _guards = outcome.protect(redactor);
    let mut all = steps("mutate", &outcome.steps, redactor);
    match contribute(plugins, &call, settings, &outcome).await {
        Ok(contributed) => {
            all.extend(steps("contribute", &contributed.steps, redactor));
            outcome.search_programs_first(&contributed, HOME);
            explanation(&base, &outcome, &contributed, all, redactor)
        }
        Err(error) => {
            all.extend(steps("contribute", &error.steps, redactor));
            failed(all, &error, redactor)
        }
    }
}

fn explanation(
    base: &BaseEnv,
    outcome: &ChainOutcome,
    contributed: &Contributed,
    steps: Vec<ExplainedStep>,
    redactor: &Redactor,
) -> Explanation {
    let after: BTreeMap<&str, &EnvValue> = outcome
        .env
        .iter()
        .map(|(key, value)| (&**key, value))
        .collect();
    let changes = outcome.provenance.iter();
    Explanation {
        changes: changes
            .map(|provenance| change(base, &after, provenance, redactor))
            .collect(),
        files: contributed.files.iter().map(file).collect(),
        steps,
        error: None,
    }
}

fn failed(steps: Vec<ExplainedStep>, error: &ChainError, redactor: &Redactor) -> Explanation {
    Explanation {
        changes: Vec::new(),
        files: Vec::new(),
        steps,
        error: Some(redactor.scrub(&error.to_string()).into_owned()),
    }
}

fn file(from: &SetFile) -> ExplainedFile {
    let SetFile {
        file,
        set_by,
        overrode,
    } = from;
    ExplainedFile {
        path: file.path.to_string(),
        mode: format!("{:04o}", file.mode),
        secret: file.secret,
        size: file.bytes.len(),
        set_by: Source::Plugin(set_by.clone()),
        overrode: overrode.iter().cloned().map(Source::Plugin).collect(),
    }
}

fn change(
    base: &BaseEnv,
    after: &BTreeMap<&str, &EnvValue>,
    provenance: &Provenance,
    redactor: &Redactor,
) -> Change {
    let before = base
        .variable(&provenance.key)
        .map(|variable| variable.value.expose());
    let after = after
        .get(&*provenance.key)
        .map(|value| value.value.expose());
    let show = |value: &str| {
        if provenance.secret {
            REDACTED.to_owned()
        } else {
            redactor.scrub(value).into_owned()
        }
    };
    let kind = match (before, after) {
        (None, _) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(before), Some(after)) if before == after => ChangeKind::Kept,
        (Some(_), Some(_)) => ChangeKind::Changed,
    };
    let kind = if before.is_none() && after.is_none() {
        ChangeKind::Removed
    } else {
        kind
    };
    Change {
        kind,
        before: before.map(show),
        after: after.map(show),
        provenance: provenance.clone(),
    }
}

fn steps(call: &'static str, steps: &[Step], redactor: &Redactor) -> Vec<ExplainedStep> {
    let explained = |step: &Step| {
        let (outcome, fault) = match &step.outcome {
            StepOutcome::Applied => ("applied", None),
            StepOutcome::NotSelected => ("not selected", None),
            StepOutcome::Skipped(fault) => ("skipped", Some(fault)),
            StepOutcome::Failed(fault) => ("failed", Some(fault)),
        };
        ExplainedStep {
            plugin: step.plugin.clone(),
            call,
            outcome,
            cause: fault.map(|fault| redactor.scrub(&fault.message).into_owned()),
            took_ms: step.took.as_millis(),
        }
    };
    steps.iter().map(explained).collect()
}
