//! What callers can ask for: the routes with their methods. The router serves this table, and the description of the API shows it.

use axum::http::Method;

use super::Route;

/// One thing that a caller can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// Liveness.
    Health,
    /// Readiness.
    Ready,
    /// All metrics.
    Metrics,
    /// The description of the API.
    OpenApi,
    /// The boot report, and the plugins that run.
    Plugins,
    /// A token for the platform.
    AdminGithubToken,
    /// A page of the list of workspaces.
    List,
    /// A new workspace.
    Create,
    /// One workspace.
    Show,
    /// The end of a workspace, and of all that is kept of it.
    Delete,
    /// Another run of a workspace.
    Restart,
    /// The end of a run.
    Stop,
    /// Nothing of a workspace goes on.
    Pause,
    /// It goes on.
    Resume,
    /// What a workspace has written.
    Logs,
    /// What has happened to a workspace.
    WorkspaceEvents,
    /// What happens.
    Events,
    /// A token for a workspace, by the old path.
    GithubToken,
    /// A token from the provider that the operator chose.
    DefaultToken,
    /// A token from a provider by name.
    Token,
    /// A token that did not work is forgotten.
    EraseToken,
}

impl Operation {
    /// Every operation, in the order of the enum.
    pub(crate) const ALL: [Self; 21] = [
        Self::Health,
        Self::Ready,
        Self::Metrics,
        Self::OpenApi,
        Self::Plugins,
        Self::AdminGithubToken,
        Self::List,
        Self::Create,
        Self::Show,
        Self::Delete,
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
    ];

    /// Where to ask for it.
    pub(crate) const fn route(self) -> Route {
        match self {
            Self::Health => Route::Health,
            Self::Ready => Route::Ready,
            Self::Metrics => Route::Metrics,
            Self::OpenApi => Route::OpenApi,
            Self::Plugins => Route::Plugins,
            Self::AdminGithubToken => Route::AdminGithubToken,
            Self::List | Self::Create => Route::Workspaces,
            Self::Show | Self::Delete => Route::Workspace,
            Self::Restart => Route::Restart,
            Self::Stop => Route::Stop,
            Self::Pause => Route::Pause,
            Self::Resume => Route::Resume,
            Self::Logs => Route::Logs,
            Self::WorkspaceEvents => Route::WorkspaceEvents,
            Self::Events => Route::Events,
            Self::GithubToken => Route::GithubToken,
            Self::DefaultToken => Route::DefaultToken,
            Self::Token => Route::Token,
            Self::EraseToken => Route::EraseToken,
        }
    }

    /// By which method.
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::OpenApi
            | Self::Plugins
            | Self::AdminGithubToken
            | Self::List
            | Self::Show
            | Self::Logs
            | Self::WorkspaceEvents
            | Self::Events
            | Self::GithubToken
            | Self::DefaultToken
            | Self::Token => Method::GET,
            Self::Create
            | Self::Restart
            | Self::Stop
            | Self::Pause
            | Self::Resume
            | Self::EraseToken => Method::POST,
            Self::Delete => Method::DELETE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_every_route_has_an_operation() {
        for (index, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, index, "{operation:?}");
        }
        assert_eq!(Operation::EraseToken as usize + 1, Operation::ALL.len());
        for route in Route::ALL.into_iter().filter(|route| *route != Route::None) {
            assert!(
                Operation::ALL
                    .iter()
                    .any(|operation| operation.route() == route),
                "{route:?}"
            );
        }
    }
}
