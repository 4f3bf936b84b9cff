//! What the plugins did, as it is recorded: names, and no values.

use sha2::{Digest, Sha256};

use crate::{
    chain::{SetFile, Step as ChainStep, StepOutcome},
    env::Provenance,
    files::ContributedFile,
    provision::{File, Provision, Step, Variable},
    sealed::hex,
};

/// The whole account of a provision, as far as it came.
pub(super) fn provision(
    provenance: &[Provenance],
    files: &[SetFile],
    mutated: &[ChainStep],
    contributed: &[ChainStep],
) -> Provision {
    let mutated = mutated.iter().map(|from| step(Step::MUTATE, from));
    let contributed = contributed.iter().map(|from| step(Step::CONTRIBUTE, from));
    Provision {
        environment: provenance.iter().map(variable).collect(),
        files: files
            .iter()
            .map(|set| file(&set.file, &set.set_by, &set.overrode))
            .collect(),
        steps: mutated.chain(contributed).collect(),
    }
}

/// What stands in front of the name of a plugin in records.
pub(super) const PLUGIN: &str = "plugin ";

/// The plugin with this name, as records call it.
pub(super) fn plugin(name: &str) -> String {
    format!("{PLUGIN}{name}")
}

/// One file that a plugin has put over those of others.
pub(super) fn file(file: &ContributedFile, set_by: &str, overrode: &[String]) -> File {
    File {
        path: file.path.to_string(),
        mode: format!("{:04o}", file.mode),
        secret: file.secret,
        size: u64::try_from(file.bytes.len()).unwrap_or(u64::MAX),
        sha256: (!file.secret).then(|| hex(&Sha256::digest(&*file.bytes))),
        set_by: plugin(set_by),
        overrode: overrode.iter().map(|name| plugin(name)).collect(),
    }
}

fn variable(from: &Provenance) -> Variable {
    Variable {
        key: from.key.clone(),
        set_by: from.set_by.to_string(),
        overrode: from.overrode.iter().map(ToString::to_string).collect(),
        secret: from.secret,
        removed: from.removed,
    }
}

fn step(call: &str, from: &ChainStep) -> Step {
    let (outcome, fault) = match &from.outcome {
        StepOutcome::Applied => (Step::APPLIED, None),
        StepOutcome::NotSelected => (Step::NOT_SELECTED, None),
        StepOutcome::Skipped(fault) => (Step::SKIPPED, Some(fault.kind)),
        StepOutcome::Failed(fault) => (Step::FAILED, Some(fault.kind)),
    };
    Step {
        plugin: from.plugin.clone(),
        call: call.to_owned(),
        outcome: outcome.to_owned(),
        fault: fault.map(|kind| kind.as_str().to_owned()),
        took_ms: crate::clock::millis(from.took),
    }
}
