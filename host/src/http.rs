//! The HTTP API: routes, who may call them, limits, and the server. The only stage that names a status code.
//!
//! [`Server::bind`] takes the address, [`Server::serve`] answers on it until it is told to stop.

#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too; theirs are in the error types"
)]

mod address;
mod attempts;
mod auth;
mod body;
mod counts;
mod error;
mod gate;
mod listener;
mod providers;
mod query;
mod readiness;
mod route;
mod routes;
mod server;
mod tls;
mod view;

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};

pub use self::{
    address::{Address, NoAddress},
    auth::{Auth, AuthError},
    listener::SOCKET_MODE,
    readiness::{Latch, Readiness},
    route::Route,
    server::{BindError, Server},
    tls::{Tls, TlsError},
};
use self::{
    counts::HttpMetrics,
    error::ApiError,
    gate::Gate,
    providers::Providers,
    route::Counted,
    routes::{admin, health, tokens, workspaces},
};
use crate::{
    metrics::Metrics, provision::Provisioner, registry::Registry, report::PluginReport,
    token::Broker,
};

/// What the API serves. Everything in it is shared with the rest of the platform.
pub struct ApiParts {
    /// Creates and keeps workspaces.
    pub provisioner: Provisioner,
    /// The plugins.
    pub registry: Arc<Registry>,
    /// Hands out their tokens.
    pub broker: Broker,
    /// The boot report, a file each.
    pub reports: Arc<[PluginReport]>,
    /// The plugin that serves the two GitHub token routes; `None` = the first token provider in registration order.
    pub github_provider: Option<String>,
    /// Who may call the admin routes.
    pub auth: Auth,
    /// What `/ready` answers.
    pub readiness: Readiness,
    /// What `/metrics` answers.
    pub metrics: Arc<Metrics>,
    /// Limits on requests.
    pub limits: Limits,
}

/// Limits on requests and connections. Each protects everybody else from one caller.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest body, in bytes; a larger one gets 413.
    pub max_body: usize,
    /// The most bytes of a log in one answer.
    pub max_log: u64,
    /// How long the head of a request may take, and how long a connection may lie idle; then it is closed.
    pub header_time: Duration,
    /// How long the body of a request may take; then 408.
    pub body_time: Duration,
    /// How long a request may take in all; then 504. Must be longer than a provision may take.
    pub request_time: Duration,
    /// How long a token may take that has to be fetched; then 500 (or 504 on the routes beyond the two GitHub ones).
    pub token_time: Duration,
    /// The most requests at once; more get 429. Probes are not counted against it.
    pub max_requests: usize,
    /// The most connections at once; more wait.
    pub max_connections: usize,
    /// How many requests of one address with a token that opens nothing get 401 in a minute; more get 429.
    pub bad_tokens: u32,
    /// How long running requests may go on after a shutdown has begun.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 1024 * 1024,
            max_log: 4 * 1024 * 1024,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            request_time: Duration::from_secs(120),
            token_time: Duration::from_secs(20),
            max_requests: 1024,
            max_connections: 8192,
            bad_tokens: 30,
            drain_time: Duration::from_secs(30),
        }
    }
}

/// The API as its handlers see it.
struct Api {
    provisioner: Provisioner,
    registry: Arc<Registry>,
    broker: Broker,
    providers: Providers,
    reports: Arc<[PluginReport]>,
    auth: Auth,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    limits: Limits,
}

impl Server {
    /// Serves the API until `shutdown` resolves; then takes no new connection, lets running requests end, and cuts off those that
    /// still run after the drain limit.
    ///
    /// # Errors
    /// When TLS cannot be set up. Nothing was served.
    pub async fn serve(
        self,
        parts: ApiParts,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), TlsError> {
        let ApiParts {
            provisioner,
            registry,
            broker,
            reports,
            github_provider,
            auth,
            readiness,
            metrics,
            limits,
        } = parts;
        let providers = Providers::new(&registry, github_provider);
        let api = Api {
            provisioner,
            registry,
            broker,
            providers,
            reports,
            auth,
            readiness,
            metrics,
            limits,
        };
        let limits = api.limits.clone();
        let readiness = api.readiness.clone();
        let counts = HttpMetrics::shown_by(&api.metrics);
        let gate = Gate::new(router(Arc::new(api), counts.clone()), counts, &limits);
        let draining = async move {
            shutdown.await;
            readiness.drain();
        };
        self.run(gate, &limits, draining).await
    }
}

/// Every route. Each handler says by its arguments who may call it.
fn router(api: Arc<Api>, counts: HttpMetrics) -> Router {
    let to = Counter(counts);
    let routes = [
        (Route::Health, get(to.count(Route::Health, health::health))),
        (Route::Ready, get(to.count(Route::Ready, health::ready))),
        (
            Route::Metrics,
            get(to.count(Route::Metrics, health::metrics)),
        ),
        (
            Route::Plugins,
            get(to.count(Route::Plugins, admin::plugins)),
        ),
        (
            Route::AdminGithubToken,
            get(to.count(Route::AdminGithubToken, tokens::admin_github)),
        ),
        (
            Route::Workspaces,
            get(to.count(Route::Workspaces, workspaces::list))
                .post(to.count(Route::Workspaces, workspaces::create)),
        ),
        (
            Route::Workspace,
            get(to.count(Route::Workspace, workspaces::show))
                .delete(to.count(Route::Workspace, workspaces::delete)),
        ),
        (
            Route::Restart,
            post(to.count(Route::Restart, workspaces::restart)),
        ),
        (Route::Stop, post(to.count(Route::Stop, workspaces::stop))),
        (Route::Logs, get(to.count(Route::Logs, workspaces::logs))),
        (
            Route::GithubToken,
            get(to.count(Route::GithubToken, tokens::github)),
        ),
        (
            Route::DefaultToken,
            get(to.count(Route::DefaultToken, tokens::by_default)),
        ),
        (
            Route::Token,
            get(to.count(Route::Token, tokens::by_provider)),
        ),
        (
            Route::EraseToken,
            post(to.count(Route::EraseToken, tokens::erase)),
        ),
    ];
    routes
        .into_iter()
        .fold(Router::new(), |router, (route, methods)| {
            router.route(route.pattern(), methods)
        })
        .fallback(to.count(Route::None, async || ApiError::no_route()))
        .method_not_allowed_fallback(to.count(Route::None, async || ApiError::method_not_allowed()))
        .with_state(api)
}

/// Makes handlers that count.
struct Counter(HttpMetrics);

impl Counter {
    fn count<H>(&self, route: Route, handler: H) -> Counted<H> {
        Counted {
            route,
            metrics: self.0.clone(),
            handler,
        }
    }
}

impl fmt::Debug for ApiParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiParts")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
