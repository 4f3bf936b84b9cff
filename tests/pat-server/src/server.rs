//! The running server.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jiff::Timestamp;
use server_kit::{Core, Running, Service, StartError, Voice, told};

use crate::question::{Question, check_headers};
use crate::refusal::Refusal;
use crate::shelf::{Secret, Shelf};

/// A running store. Its methods may be called from any thread. Dropping it closes the port.
pub struct PatServer {
    store: Arc<Service<World>>,
    running: Running,
}

struct World {
    token: String,
    shelf: Shelf,
}

impl PatServer {
    /// Listens and serves, on the tokio runtime of the caller; port 0 stands for a free one.
    ///
    /// # Errors
    /// The address is not loopback, or not free.
    pub async fn start(address: SocketAddr, token: &str) -> Result<Self, StartError> {
        let voice = Voice {
            rate_limited: |wait, _| told(wait, Refusal::RateLimited),
            unauthorized: || Refusal::Unauthorized.into_response(),
        };
        let world = World {
            token: token.to_owned(),
            shelf: Shelf::default(),
        };
        let routes = Router::new()
            .route("/v1/secrets", get(secrets))
            .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
            .fallback(async || Refusal::NotFound);
        let (store, running) = Service::start(address, voice, world, routes).await?;
        Ok(Self { store, running })
    }

    /// What a client takes for the store: no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.core().base_url().to_owned()
    }

    /// Its clock, its faults and its record.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.store.core
    }

    /// Puts a secret there, in place of the one before, under the next version.
    pub fn put(&self, name: &str, secret: Secret) {
        self.store.world().shelf.put(name, secret);
    }

    /// Makes a secret anew whenever half of its life is over and somebody asks.
    pub fn issue(&self, name: &str, lifetime: Duration) {
        self.store
            .world()
            .shelf
            .issued
            .insert(name.to_owned(), lifetime);
    }

    /// All values that there ever were, the newest last.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.store.world().shelf.values.clone()
    }

    /// Gives this secret to nobody any more.
    pub fn deny(&self, name: &str) {
        self.store.world().shelf.denied.insert(name.to_owned());
    }

    /// Serves this tenant no more, or again.
    pub fn deny_tenant(&self, tenant: &str, on: bool) {
        let shelf = &mut self.store.world().shelf;
        if on {
            shelf.denied_tenants.insert(tenant.to_owned());
        } else {
            shelf.denied_tenants.remove(tenant);
        }
    }

    /// Takes this token from now on, and the one before no more.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.store.world().token);
    }

    /// For [`server_kit::by_itself`].
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }
}

async fn secrets(
    State(store): State<Arc<Service<World>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut world = store.world();
    check_headers(&headers, &world.token)?;
    let question = Question::parse(&query.unwrap_or_default())?;
    let shelf = &mut world.shelf;
    shelf.renew(Timestamp::now());
    if shelf.denied_tenants.contains(&question.tenant) {
        return Err(Refusal::Denied);
    }
    let body = shelf.answer(&question).to_string();
    let etag = etag(&body);
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok());
    let cache = (CACHE_CONTROL, "private, no-cache".to_owned());
    if known == Some(etag.as_str()) {
        return Ok((StatusCode::NOT_MODIFIED, [cache, (ETAG, etag)]).into_response());
    }
    let json = (CONTENT_TYPE, "application/json".to_owned());
    Ok(([cache, (ETAG, etag), json], body).into_response())
}

fn etag(body: &str) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}
