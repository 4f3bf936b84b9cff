//! What a workspace's environment begins with: the configured variables, the user's over them, the platform's own over all.

use std::sync::Arc;

use crate::{
    chain::{Step as ChainStep, StepOutcome},
    env::{BaseEnv, BaseOrigin, Provenance, Refusal},
    provision::{Provision, Settings, Step, Variable, WorkspaceToken},
    secret::Secret,
    store::WorkspaceRecord,
};

const ID_KEY: &str = "PROVISIONHOOK_WORKSPACE_ID";
const URL_KEY: &str = "PROVISIONHOOK_URL";
const TOKEN_KEY: &str = "PROVISIONHOOK_TOKEN";

/// The environment under the plugins' edits. `home` is the directory in which the workspace's command starts; nothing if the runtime has none to name.
pub(super) fn base(
    settings: &Settings,
    record: &WorkspaceRecord,
    home: Option<&str>,
    token: &WorkspaceToken,
) -> Result<Arc<BaseEnv>, Refusal> {
    let mut base = BaseEnv::new();
    let platform = |base: &mut BaseEnv, key: &str, value: &str| {
        base.insert(BaseOrigin::Platform, key, Secret::new(value), false)
    };
    if let Some(home) = home {
        platform(&mut base, "HOME", home)?;
    }
    for (key, value) in &settings.base_env {
        platform(&mut base, key, value)?;
    }
    for (key, value) in &record.spec.env {
        base.insert(
            BaseOrigin::Workspace,
            key,
            Secret::new(value.as_str()),
            false,
        )?;
    }
    platform(&mut base, ID_KEY, record.id.as_str())?;
    platform(&mut base, URL_KEY, &settings.url)?;
    base.insert(
        BaseOrigin::Platform,
        TOKEN_KEY,
        token.secret().clone(),
        true,
    )?;
    Ok(Arc::new(base))
}

/// What the chain did, as it is recorded: names, and no values.
pub(super) fn provision(steps: &[ChainStep], provenance: &[Provenance]) -> Provision {
    Provision {
        environment: provenance.iter().map(variable).collect(),
        steps: steps.iter().map(step).collect(),
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

fn step(from: &ChainStep) -> Step {
    let (outcome, fault) = match &from.outcome {
        StepOutcome::Applied => ("applied", None),
        StepOutcome::NotSelected => ("not_selected", None),
        StepOutcome::Skipped(fault) => ("skipped", Some(fault.kind)),
        StepOutcome::Failed(fault) => ("failed", Some(fault.kind)),
    };
    Step {
        plugin: from.plugin.clone(),
        outcome: outcome.to_owned(),
        fault: fault.map(|kind| kind.as_str().to_owned()),
        took_ms: u64::try_from(from.took.as_millis()).unwrap_or(u64::MAX),
    }
}
