//! The routes by name, and the counting of their answers.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{extract::Request, handler::Handler, response::Response};

use super::{
    counts::HttpMetrics,
    error::{BadToken, Cause},
};

/// A route, as metrics name it: the pattern, never the path that a caller chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Liveness.
    Health,
    /// Readiness.
    Ready,
    /// Prometheus.
    Metrics,
    /// The description of the API.
    OpenApi,
    /// The boot report.
    Plugins,
    /// A token for the platform.
    AdminGithubToken,
    /// Create and list.
    Workspaces,
    /// Show and delete.
    Workspace,
    /// Restart.
    Restart,
    /// Stop.
    Stop,
    /// Pause.
    Pause,
    /// Resume.
    Resume,
    /// Output.
    Logs,
    /// What has happened to one workspace.
    WorkspaceEvents,
    /// What happens.
    Events,
    /// A token for a workspace, by the old path.
    GithubToken,
    /// A token for a workspace, by the provider that the operator chose.
    DefaultToken,
    /// A token for a workspace, by provider.
    Token,
    /// Drop a cached token.
    EraseToken,
    /// No route, or an answer that was given before one was found.
    None,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 20] = [
        Self::Health,
        Self::Ready,
        Self::Metrics,
        Self::OpenApi,
        Self::Plugins,
        Self::AdminGithubToken,
        Self::Workspaces,
        Self::Workspace,
        Self::Restart,
        Self::Stop,
        Self::Pause,
        Self::Resume,
        Self::Logs,
        Self::WorkspaceEvents,
        Self::Events,
        Self::GithubToken,
        Self::DefaultToken,
        Self::Token,
        Self::EraseToken,
        Self::None,
    ];

    /// The path, with parameters in braces; empty for [`None`](Self::None).
    #[must_use]
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::Health => "/health",
            Self::Ready => "/ready",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/openapi.json",
            Self::Plugins => "/admin/plugins",
            Self::AdminGithubToken => "/admin/github-installation-token",
            Self::Workspaces => "/workspaces",
            Self::Workspace => "/workspaces/{id}",
            Self::Restart => "/workspaces/{id}/restart",
            Self::Stop => "/workspaces/{id}/stop",
            Self::Pause => "/workspaces/{id}/pause",
            Self::Resume => "/workspaces/{id}/resume",
            Self::Logs => "/workspaces/{id}/logs",
            Self::WorkspaceEvents => "/workspaces/{id}/events",
            Self::Events => "/events",
            Self::GithubToken => "/workspaces/{id}/github-installation-token",
            Self::DefaultToken => "/workspaces/{id}/tokens",
            Self::Token => "/workspaces/{id}/tokens/{provider}",
            Self::EraseToken => "/workspaces/{id}/tokens/{provider}/erase",
            Self::None => "",
        }
    }
}

/// A handler that counts its answers under a route. It wraps the handler and not the route, because a layer would cost
/// another boxed future for each request.
#[derive(Clone)]
pub(crate) struct Counted<H> {
    pub(crate) route: Route,
    pub(crate) metrics: HttpMetrics,
    pub(crate) handler: H,
}

impl<T, S, H> Handler<T, S> for Counted<H>
where
    H: Handler<T, S>,
    H::Future: Unpin,
    S: Clone + Send + Sync + 'static,
    T: 'static,
{
    type Future = Counting<H::Future>;

    fn call(self, request: Request, state: S) -> Self::Future {
        Counting {
            inner: self.handler.call(request, state),
            route: self.route,
            metrics: self.metrics,
        }
    }
}

/// The answer of a counted handler on its way.
pub(crate) struct Counting<F> {
    inner: F,
    route: Route,
    metrics: HttpMetrics,
}

impl<F: Future<Output = Response> + Unpin> Future for Counting<F> {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let mut response = ready!(Pin::new(&mut self.inner).poll(context));
        if let Some(cause) = response.extensions_mut().get_mut::<Cause>() {
            cause.route = self.route;
        }
        if let Some(bad) = response.extensions_mut().get_mut::<BadToken>() {
            bad.route = self.route;
        }
        self.metrics.count(self.route, response.status());
        Poll::Ready(response)
    }
}
