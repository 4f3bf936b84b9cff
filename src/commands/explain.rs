//! `provisionhook explain`: a dry run of the chain.

use std::{process::ExitCode, sync::Arc};

use provisionhook_host::{
    call::{Attributes, Call},
    chain::{ChangeKind, ExplainedFile, Explanation, Settings, explain},
    env::{BaseEnv, BaseOrigin, Provenance, Source},
    registry::Registry,
    secret::Secret,
    services::state::StateStore,
};

use super::{CommandResult, boot, output};
use crate::{
    cli::{Explain, Workspace},
    config::Config,
};

/// Stands for the id of a workspace that does not exist.
const MADE_UP_ID: &str = "ws-0000000000000000";

/// Runs the chain against the described workspace; shows what it would set and who, no secret, and starts nothing.
pub(super) fn run(config: &Config, Explain { workspace, json }: Explain) -> CommandResult {
    let booted = boot::start(config, StateStore::read_only(&config.state_dir))?;
    let base = Arc::new(base(config, &workspace, &booted.registry)?);
    let call = Call {
        attributes: attributes(config, workspace),
        ..Call::default()
    };
    let plugins = booted.registry.snapshot();
    let settings = Settings::default();
    let explanation = booted.plugins.handle().block_on(explain(
        &plugins,
        base,
        &call,
        &settings,
        &booted.redactor,
    ));
    if json {
        output::json(&explanation)?;
    } else {
        print(&explanation);
    }
    Ok(if explanation.error.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn attributes(config: &Config, workspace: Workspace) -> Attributes {
    Attributes {
        workspace_id: MADE_UP_ID.to_owned(),
        name: workspace.name,
        tenant: workspace.tenant,
        role: workspace.role,
        runtime: config.runtime.as_str().to_owned(),
        labels: workspace.labels.into_iter().collect(),
    }
}

fn base(
    config: &Config,
    workspace: &Workspace,
    registry: &Registry,
) -> Result<BaseEnv, Box<dyn std::error::Error>> {
    let mut base = BaseEnv::new();
    for (name, value) in boot::base_env(config, registry)? {
        base.insert(BaseOrigin::Platform, &name, Secret::new(value), false)?;
    }
    for (name, value) in &workspace.env {
        base.insert(BaseOrigin::Workspace, name, Secret::new(value), false)?;
    }
    Ok(base)
}

fn print(explanation: &Explanation) {
    for step in &explanation.steps {
        let cause = step
            .cause
            .as_ref()
            .map(|cause| format!(": {cause}"))
            .unwrap_or_default();
        let what = match step.call {
            "contribute" => " (files)",
            _ => "",
        };
        output::line(&format!(
            "plugin {}{what}: {}{cause}",
            step.plugin, step.outcome
        ));
    }
    for change in &explanation.changes {
        let sign = match change.kind {
            ChangeKind::Added => '+',
            ChangeKind::Changed => '~',
            ChangeKind::Removed => '-',
            ChangeKind::Kept => ' ',
        };
        let value = shortened(change.after.as_deref().unwrap_or_default());
        output::line(&format!(
            "{sign} {}={value}    ({})",
            change.provenance.key,
            history(&change.provenance)
        ));
    }
    for file in &explanation.files {
        output::line(&format!("+ {}", described(file)));
    }
    if let Some(error) = &explanation.error {
        output::error(error);
    }
}

/// A value that fits on a line; how much of it was cut is said.
fn shortened(value: &str) -> String {
    const SHOWN: usize = 100;
    let start: String = value.chars().take(SHOWN).collect();
    let left = value.len() - start.len();
    if left == 0 {
        start
    } else {
        format!("{start}… ({left} more bytes)")
    }
}

/// `.config/tool 0600 secret, 40 bytes    (put by plugin a over plugin b)`.
fn described(file: &ExplainedFile) -> String {
    let secret = if file.secret { " secret" } else { "" };
    let over = over(&file.overrode);
    let (path, mode, size, set_by) = (&file.path, &file.mode, file.size, &file.set_by);
    format!("$HOME/{path} {mode}{secret}, {size} bytes    (put by {set_by}{over})")
}

/// `set by plugin a over workspace`.
fn history(provenance: &Provenance) -> String {
    let verb = if provenance.removed { "removed" } else { "set" };
    let over = over(&provenance.overrode);
    format!("{verb} by {}{over}", provenance.set_by)
}

/// ` over workspace, plugin b`; nothing if nobody was there before.
fn over(sources: &[Source]) -> String {
    if sources.is_empty() {
        return String::new();
    }
    let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
    format!(" over {}", sources.join(", "))
}
