//! What answers show of workspaces. No value of any variable, and no byte of any file.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    health::HealthReport,
    provision::{File, Provisioned, Step, Variable, Workspace},
    registry::Plugin,
    store::{WorkspaceRecord, WorkspaceState},
    unix_ms::rfc3339,
};

/// A workspace in a list.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    id: &'a str,
    name: &'a str,
    tenant: Option<&'a str>,
    role: Option<&'a str>,
    runtime: &'a str,
    state: WorkspaceState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_signal: Option<i32>,
    created_at: String,
    updated_at: String,
}

/// A workspace alone.
#[derive(Debug, Serialize)]
pub(crate) struct Full<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    labels: &'a BTreeMap<String, String>,
    command: &'a [String],
    environment: &'a [Variable],
    files: &'a [File],
    steps: &'a [Step],
}

/// A workspace that was just provisioned. Not `Debug`: it shows the token.
#[derive(Serialize)]
pub(crate) struct WithToken<'a> {
    #[serde(flatten)]
    full: Full<'a>,
    token: &'a str,
}

pub(crate) fn summary(record: &WorkspaceRecord) -> Summary<'_> {
    Summary {
        id: record.id.as_str(),
        name: &record.name,
        tenant: record.spec.tenant.as_deref(),
        role: record.spec.role.as_deref(),
        runtime: &record.spec.runtime,
        state: record.state,
        reason: record.outcome.reason.as_deref(),
        exit_code: record.outcome.exit_code,
        exit_signal: record.outcome.exit_signal,
        created_at: rfc3339(record.created_at),
        updated_at: rfc3339(record.updated_at),
    }
}

pub(crate) fn full(workspace: &Workspace) -> Full<'_> {
    Full {
        summary: summary(&workspace.record),
        labels: &workspace.record.spec.labels,
        command: &workspace.record.spec.command,
        environment: &workspace.provision.environment,
        files: &workspace.provision.files,
        steps: &workspace.provision.steps,
    }
}

pub(crate) fn provisioned(provisioned: &Provisioned) -> WithToken<'_> {
    WithToken {
        full: full(&provisioned.workspace),
        token: provisioned.token.secret().expose(),
    }
}

/// A plugin of the registry.
#[derive(Debug, Serialize)]
pub(crate) struct PluginView<'a> {
    name: &'a str,
    version: &'a str,
    capabilities: Vec<&'static str>,
    health: HealthReport,
}

pub(crate) fn plugin(plugin: &Plugin) -> PluginView<'_> {
    let capabilities = [
        plugin.mutator.is_some().then_some("env-mutator/1"),
        plugin.tokens.is_some().then_some("token-provider/1"),
        plugin.files.is_some().then_some("file-contributor/1"),
        plugin
            .lifecycle
            .is_some()
            .then_some("workspace-lifecycle/1"),
    ];
    PluginView {
        name: &plugin.name,
        version: &plugin.version,
        capabilities: capabilities.into_iter().flatten().collect(),
        health: plugin.health.report(),
    }
}
