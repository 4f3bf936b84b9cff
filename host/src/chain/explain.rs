//! Dry run: what the chain would do, with provenance and without secrets.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{ChainError, Settings, Step, StepOutcome, run};
use crate::{
    call::Call,
    env::{BaseEnv, EnvValue, Provenance},
    redact::{REDACTED, Redactor},
    registry::Snapshot,
};

/// What a dry run found. Safe to show: secret values are redacted by flag, by name and by shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Every variable that plugins changed, or that is there unchanged, sorted by name; empty if the run failed.
    pub changes: Vec<Change>,
    /// What each plugin came to, in order.
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

/// What one plugin came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedStep {
    /// Its name.
    pub plugin: String,
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
    match run(plugins, Arc::clone(&base), &call, settings).await {
        Ok(outcome) => {
            let _guards = outcome.protect(redactor);
            let after: BTreeMap<&str, &EnvValue> = outcome
                .env
                .iter()
                .map(|(key, value)| (&**key, value))
                .collect();
            let changes = outcome
                .provenance
                .iter()
                .map(|provenance| change(&base, &after, provenance, redactor))
                .collect();
            Explanation {
                changes,
                steps: steps(&outcome.steps, redactor),
                error: None,
            }
        }
        Err(error) => failed(&error, redactor),
    }
}

fn failed(error: &ChainError, redactor: &Redactor) -> Explanation {
    Explanation {
        changes: Vec::new(),
        steps: steps(&error.steps, redactor),
        error: Some(redactor.scrub(&error.to_string()).into_owned()),
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

fn steps(steps: &[Step], redactor: &Redactor) -> Vec<ExplainedStep> {
    let explained = |step: &Step| {
        let (outcome, fault) = match &step.outcome {
            StepOutcome::Applied => ("applied", None),
            StepOutcome::NotSelected => ("not selected", None),
            StepOutcome::Skipped(fault) => ("skipped", Some(fault)),
            StepOutcome::Failed(fault) => ("failed", Some(fault)),
        };
        ExplainedStep {
            plugin: step.plugin.clone(),
            outcome,
            cause: fault.map(|fault| redactor.scrub(&fault.message).into_owned()),
            took_ms: step.took.as_millis(),
        }
    };
    steps.iter().map(explained).collect()
}
