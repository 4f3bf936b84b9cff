//! What answers show of workspaces and plugins. No value of any variable, and no byte of any file.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    health::HealthReport,
    provision::{File, Provisioned, Step, Variable, Workspace, WorkspaceToken},
    registry::Plugin,
    report::PluginReport,
    store::{self, AfterTtl, Event, WorkspaceState},
    unix_ms::rfc3339,
    workspace_id::WorkspaceId,
};

/// A workspace in a list.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    id: WorkspaceId,
    name: String,
    tenant: Option<String>,
    role: Option<String>,
    runtime: String,
    state: WorkspaceState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
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
    summary: Summary,
    labels: &'a BTreeMap<String, String>,
    command: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ttl: Option<AfterTtl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    environment: &'a [Variable],
    files: &'a [File],
    steps: &'a [Step],
}

/// A workspace that was just provisioned. Not `Debug`: it shows the token.
#[derive(Serialize)]
pub(crate) struct WithToken<'a> {
    #[serde(flatten)]
    full: Full<'a>,
    token: Option<&'a str>,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    workspaces: Vec<Summary>,
    next: Option<String>,
}

/// A page, with the cursor of the next one.
pub(crate) fn page(page: store::Listed, next: Option<String>) -> Page {
    Page {
        workspaces: page.workspaces.into_iter().map(summary).collect(),
        next,
    }
}

fn summary(summary: store::Summary) -> Summary {
    Summary {
        id: summary.id,
        name: summary.name,
        tenant: summary.tenant,
        role: summary.role,
        runtime: summary.runtime,
        state: summary.state,
        reason: summary.outcome.reason,
        exit_code: summary.outcome.exit_code,
        exit_signal: summary.outcome.exit_signal,
        created_at: rfc3339(summary.created_at),
        updated_at: rfc3339(summary.updated_at),
    }
}

pub(crate) fn full(workspace: &Workspace) -> Full<'_> {
    Full {
        summary: summary((&workspace.record).into()),
        labels: &workspace.record.spec.labels,
        command: &workspace.record.spec.command,
        ttl_seconds: workspace.record.spec.ttl_seconds,
        after_ttl: workspace.record.spec.after_ttl,
        expires_at: workspace
            .record
            .expires_at
            .filter(|_| workspace.record.state.is_alive())
            .map(rfc3339),
        environment: &workspace.provision.environment,
        files: &workspace.provision.files,
        steps: &workspace.provision.steps,
    }
}

pub(crate) fn provisioned(provisioned: &Provisioned) -> WithToken<'_> {
    WithToken {
        full: full(&provisioned.workspace),
        token: Some(provisioned.token.secret().expose()),
    }
}

/// A workspace that was provisioned before, and the token for whoever asks again.
pub(crate) fn repeated<'a>(
    workspace: &'a Workspace,
    token: Option<&'a WorkspaceToken>,
) -> WithToken<'a> {
    WithToken {
        full: full(workspace),
        token: token.map(|token| token.secret().expose()),
    }
}

/// A part of the events of one workspace.
#[derive(Debug, Serialize)]
pub(crate) struct Events<'a> {
    pub(crate) events: &'a [Event],
    /// Behind which event to go on.
    pub(crate) next: i64,
}

/// What boot has made of the plugin directory.
#[derive(Debug, Serialize)]
pub(crate) struct Plugins<'a> {
    /// Those that run, in order.
    pub(crate) plugins: Vec<PluginView<'a>>,
    /// The boot report, one for each file.
    pub(crate) reports: &'a [PluginReport],
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
