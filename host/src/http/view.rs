//! What answers show of workspaces and plugins. No value of any variable, and no byte of any file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    health::HealthReport,
    provision::{File, Provisioned, Step, Variable, Workspace, WorkspaceToken, reasons},
    registry::Plugin,
    report::PluginReport,
    store::{self, AfterTtl, Event, WorkspaceState},
    unix_ms::rfc3339,
    workspace_id::WorkspaceId,
};

/// A workspace in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WorkspaceSummary")]
pub(crate) struct Summary {
    /// Its id.
    id: WorkspaceId,
    /// What its user calls it; need not be unique.
    name: String,
    /// The tenant that it belongs to.
    tenant: Option<String>,
    /// What its agent is there for.
    role: Option<String>,
    /// The name of the runtime that runs it.
    runtime: String,
    /// Where it is in its life.
    state: WorkspaceState,
    /// Why it failed or was stopped, where there is more to say than the state does.
    #[schemars(extend("enum" = reasons()))]
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The exit code of its command.
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// The signal that ended its command.
    exit_signal: Option<i32>,
    /// When it was recorded.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// When its state last changed.
    #[schemars(extend("format" = "date-time"))]
    updated_at: String,
}

/// A workspace, with all that is shown of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Workspace")]
pub(crate) struct Full<'a> {
    #[serde(flatten)]
    summary: Summary,
    /// For selectors and filters.
    labels: &'a BTreeMap<String, String>,
    /// The program, and its arguments.
    command: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    /// How long a run may last.
    ttl_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// What becomes of it then.
    after_ttl: Option<AfterTtl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// When the time to live of a workspace that runs or is paused is over.
    #[schemars(extend("format" = "date-time"))]
    expires_at: Option<String>,
    /// The variables that somebody set or removed in the last provision, by name.
    environment: &'a [Variable],
    /// The files that plugins have put, as they are now.
    files: &'a [File],
    /// What each plugin did in the last provision, in order.
    steps: &'a [Step],
}

/// A workspace that was just provisioned. Not `Debug`: it shows the token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WorkspaceWithToken")]
pub(crate) struct WithToken<'a> {
    #[serde(flatten)]
    full: Full<'a>,
    /// The workspace's own token, which is never shown again; null if a repeated request finds that the workspace has ended.
    token: Option<&'a str>,
}

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WorkspacePage")]
pub(crate) struct Page {
    /// The oldest first.
    workspaces: Vec<Summary>,
    /// What to send as `after` for the next page; null on the last.
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
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventPage")]
pub(crate) struct Events<'a> {
    /// The oldest first.
    pub(crate) events: &'a [Event],
    /// What to send as `after` to go on.
    pub(crate) next: i64,
}

/// What boot has made of the plugin directory.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PluginList")]
pub(crate) struct Plugins<'a> {
    /// Those that run, in order.
    pub(crate) plugins: Vec<PluginView<'a>>,
    /// The boot report, one for each file.
    pub(crate) reports: &'a [PluginReport],
}

/// A plugin of the registry.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Plugin")]
pub(crate) struct PluginView<'a> {
    /// Its name.
    name: &'a str,
    /// Its version.
    version: &'a str,
    /// What the host uses it for.
    capabilities: Vec<&'static str>,
    /// How it is doing.
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
