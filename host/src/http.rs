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
mod idempotency;
mod listener;
mod listing;
pub mod openapi;
mod operation;
mod providers;
mod query;
mod readiness;
mod route;
mod routes;
mod server;
mod stream;
mod tls;
mod view;

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
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
    operation::Operation,
    providers::Providers,
    route::Counted,
    routes::{admin, events, health, tokens, workspaces},
    stream::Streams,
};
use crate::{
    events::EventLog, metrics::Metrics, provision::Provisioner, registry::Registry,
    report::PluginReport, token::Broker,
};

/// What the API serves. Everything in it is shared with the rest of the platform.
pub struct ApiParts {
    /// Creates and keeps workspaces.
    pub provisioner: Provisioner,
    /// What has happened to workspaces.
    pub events: EventLog,
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
    /// How long a client may take nothing of its answer; then its connection is closed.
    pub write_time: Duration,
    /// How long a request may take in all; then 504. Must be longer than a provision may take.
    pub request_time: Duration,
    /// How long a token may take that has to be fetched; then 500 (or 504 on the routes beyond the two GitHub ones).
    pub token_time: Duration,
    /// The most requests at once; more get 429. Probes are not counted against it.
    pub max_requests: usize,
    /// The most streams of events at once; more get 429. They do not count as requests.
    pub max_streams: usize,
    /// How long a stream of events may be silent before something is sent, so that nobody between takes it for dead.
    pub keep_alive: Duration,
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
            write_time: Duration::from_secs(30),
            request_time: Duration::from_secs(120),
            token_time: Duration::from_secs(20),
            max_requests: 1024,
            max_streams: 64,
            keep_alive: Duration::from_secs(15),
            max_connections: 8192,
            bad_tokens: 30,
            drain_time: Duration::from_secs(30),
        }
    }
}

/// The API as its handlers see it.
struct Api {
    provisioner: Provisioner,
    events: EventLog,
    streams: Streams,
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
    /// still run after the drain limit. Gives what is left of that limit, for [`Provisioner::drain`].
    ///
    /// # Errors
    /// When TLS cannot be set up. Nothing was served.
    pub async fn serve(
        self,
        parts: ApiParts,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Duration, TlsError> {
        let ApiParts {
            provisioner,
            events,
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
            events,
            streams: Streams::new(&limits, readiness.clone(), auth.clone()),
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
        let router = router(Arc::new(api), counts.clone());
        let gate = Gate::new(router, counts, readiness.clone(), &limits);
        let draining = async move {
            shutdown.await;
            readiness.drain();
        };
        self.run(gate, &limits, draining).await
    }
}

/// Every operation on its route.
fn router(api: Arc<Api>, counts: HttpMetrics) -> Router {
    let to = Counter(counts);
    Operation::ALL
        .into_iter()
        .fold(Router::new(), |router, operation| {
            router.route(operation.route().pattern(), handler(&to, operation))
        })
        .fallback(to.count(Route::None, async || ApiError::no_route()))
        .method_not_allowed_fallback(to.count(Route::None, async || ApiError::method_not_allowed()))
        .with_state(api)
}

/// What answers. Each handler says by its arguments who may call it.
fn handler(to: &Counter, operation: Operation) -> MethodRouter<Arc<Api>> {
    match operation {
        Operation::Health => to.serve(operation, health::health),
        Operation::Ready => to.serve(operation, health::ready),
        Operation::Metrics => to.serve(operation, health::metrics),
        Operation::OpenApi => to.serve(operation, health::openapi),
        Operation::Plugins => to.serve(operation, admin::plugins),
        Operation::AdminGithubToken => to.serve(operation, tokens::admin_github),
        Operation::List => to.serve(operation, workspaces::list),
        Operation::Create => to.serve(operation, workspaces::create),
        Operation::Show => to.serve(operation, workspaces::show),
        Operation::Delete => to.serve(operation, workspaces::delete),
        Operation::Restart => to.serve(operation, workspaces::restart),
        Operation::Stop => to.serve(operation, workspaces::stop),
        Operation::Pause => to.serve(operation, workspaces::pause),
        Operation::Resume => to.serve(operation, workspaces::resume),
        Operation::Logs => to.serve(operation, workspaces::logs),
        Operation::WorkspaceEvents => to.serve(operation, events::of_workspace),
        Operation::Events => to.serve(operation, events::follow),
        Operation::GithubToken => to.serve(operation, tokens::github),
        Operation::DefaultToken => to.serve(operation, tokens::by_default),
        Operation::Token => to.serve(operation, tokens::by_provider),
        Operation::EraseToken => to.serve(operation, tokens::erase),
    }
}

/// Makes handlers that count.
struct Counter(HttpMetrics);

impl Counter {
    fn serve<T: 'static, H: Handler<T, Arc<Api>, Future: Unpin>>(
        &self,
        operation: Operation,
        handler: H,
    ) -> MethodRouter<Arc<Api>> {
        let method = MethodFilter::try_from(operation.method()).unwrap_or(MethodFilter::GET);
        on(method, self.count(operation.route(), handler))
    }

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
