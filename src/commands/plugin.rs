//! `provisionhook plugin list | inspect | verify`.

use std::{path::Path, process::ExitCode};

use provisionhook_host::{
    boot::verify_directory,
    discover::Candidate,
    inspect::{Inspected, Libraries, inspect},
    policy::Policy,
    report::{PluginReport, State},
    services::state::StateStore,
};
use serde_json::json;

use super::{CommandResult, boot, output};
use crate::{
    cli::Plugin,
    config::{ConfigError, Loaded, OperatorEnvironment},
};

/// Carries out a `plugin` command.
pub(super) fn run(
    command: Plugin,
    configured: impl Fn() -> Result<Loaded, ConfigError>,
) -> CommandResult {
    match command {
        Plugin::List { json } => list(&configured()?, json),
        Plugin::Inspect { file, json } => show(&file, json),
        Plugin::Verify { directory, json } => {
            verify(&directory, &configured()?.config.policy(), json)
        }
    }
}

/// Loads the plugins as `serve` does; fails if one is refused.
fn list(loaded: &Loaded, json: bool) -> CommandResult {
    let booted = boot::start(
        &loaded.config,
        StateStore::read_only(&loaded.config.state_dir),
    )?;
    print(&booted.reports, json)
}

/// What a file says of itself, from the file alone.
fn show(file: &Path, json: bool) -> CommandResult {
    let inspected = inspect(Candidate::file(file)?, &Libraries::of_this_process())?;
    if json {
        output::json(&describe(&inspected)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let manifest = inspected.manifest();
    let (major, minor) = inspected.abi();
    let mut lines = vec![
        format!("{} {}", manifest.name, manifest.version),
        format!("  abi           {major}.{minor}"),
        format!("  capabilities  {}", manifest.capabilities.join(", ")),
        format!("  execution     {}", manifest.execution),
        format!(
            "  built with    {} ({})",
            manifest.runtime.language, manifest.runtime.compiler
        ),
        format!("  reads         {}", listed(&manifest.env.reads)),
        format!("  writes        {}", listed(&manifest.env.writes)),
        format!("  secrets       {}", listed(&manifest.env.secrets)),
        format!("  hosts         {}", listed(&manifest.hosts)),
        format!("  files         {}", listed(&manifest.files)),
        format!("  sha256        {}", inspected.sha256()),
    ];
    lines.extend(
        inspected
            .warnings()
            .iter()
            .map(|warning| format!("  warning       {warning}")),
    );
    lines.iter().for_each(|line| output::line(line));
    Ok(ExitCode::SUCCESS)
}

/// Every step that runs no code of a plugin; fails if a file would be refused.
fn verify(directory: &Path, policy: &Policy, json: bool) -> CommandResult {
    let checked = verify_directory(directory, policy, &OperatorEnvironment)?;
    checked
        .warnings
        .iter()
        .for_each(|warning| output::error(warning));
    print(&checked.reports, json)
}

fn print(reports: &[PluginReport], json: bool) -> CommandResult {
    if json {
        output::json(&reports)?;
    } else {
        reports
            .iter()
            .for_each(|report| output::line(&report.to_string()));
    }
    let refused = reports.iter().any(|report| report.state == State::Refused);
    Ok(if refused {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn describe(inspected: &Inspected) -> Result<serde_json::Value, serde_json::Error> {
    let manifest: serde_json::Value = serde_json::from_slice(inspected.manifest_json())?;
    let (major, minor) = inspected.abi();
    Ok(json!({
        "abi": format!("{major}.{minor}"),
        "sha256": inspected.sha256(),
        "warnings": inspected.warnings(),
        "manifest": manifest,
    }))
}

fn listed(items: &[String]) -> String {
    if items.is_empty() {
        "nothing".to_owned()
    } else {
        items.join(", ")
    }
}
