//! The running server.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::json;
use server_kit::{Clock, Core, Running, StartError, Voice, listen};

use crate::question::{Question, check_headers};
use crate::refusal::Refusal;
use crate::shelf::{Secret, Shelf};

/// A running store. Its methods may be called from any thread. Dropping it closes the port.
pub struct PatServer {
    store: Arc<Store>,
    running: Running,
}

struct Store {
    core: Arc<Core>,
    token: Mutex<String>,
    shelf: Mutex<Shelf>,
}

impl PatServer {
    /// Listens and serves, on the tokio runtime of the caller; port 0 stands for a free one.
    ///
    /// # Errors
    /// The address is not loopback, or not free.
    pub async fn start(address: SocketAddr, token: &str) -> Result<Self, StartError> {
        let voice = Voice {
            rate_limited,
            unauthorized: || Refusal::Unauthorized.into_response(),
        };
        let listening = listen(address, voice).await?;
        let store = Arc::new(Store {
            core: Arc::clone(listening.core()),
            token: Mutex::new(token.to_owned()),
            shelf: Mutex::default(),
        });
        let router = Router::new()
            .route("/v1/secrets", get(secrets))
            .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
            .fallback(async || Refusal::NotFound)
            .with_state(Arc::clone(&store));
        Ok(Self {
            store,
            running: listening.serve(router),
        })
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
        self.store.shelf().put(name, secret);
    }

    /// Makes a secret anew whenever half of its life is over and somebody asks.
    pub fn issue(&self, name: &str, lifetime: Duration) {
        self.store.shelf().issued.insert(name.to_owned(), lifetime);
    }

    /// All values that there ever were, the newest last.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        self.store.shelf().values.clone()
    }

    /// Gives this secret to nobody any more.
    pub fn deny(&self, name: &str) {
        self.store.shelf().denied.insert(name.to_owned());
    }

    /// Serves this tenant no more, or again.
    pub fn deny_tenant(&self, tenant: &str, on: bool) {
        let mut shelf = self.store.shelf();
        if on {
            shelf.denied_tenants.insert(tenant.to_owned());
        } else {
            shelf.denied_tenants.remove(tenant);
        }
    }

    /// Takes this token from now on, and the one before no more.
    pub fn set_token(&self, token: &str) {
        let mut kept = self
            .store
            .token
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        token.clone_into(&mut kept);
    }

    /// For [`server_kit::by_itself`].
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }
}

impl Store {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn secrets(
    State(store): State<Arc<Store>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let token = store
        .token
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    check_headers(&headers, &token)?;
    let question = Question::parse(&query.unwrap_or_default())?;
    let mut shelf = store.shelf();
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

fn rate_limited(wait: Option<Duration>, _: &Clock) -> Response {
    let body = Json(json!({ "error": { "code": "rate_limited", "message": "too many requests" } }));
    let status = StatusCode::TOO_MANY_REQUESTS;
    match wait {
        Some(wait) => (status, [(RETRY_AFTER, wait.as_secs().to_string())], body).into_response(),
        None => (status, body).into_response(),
    }
}
