//! Doppler: `GET /v3/me`, and the download of one config's secrets.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use server_kit::{Core, Running, Service, StartError, Voice, told};

use crate::bearer::bearer;

/// The project that the service token belongs to.
pub const PROJECT: &str = "backend";
/// The config that the service token belongs to.
pub const CONFIG: &str = "prd";

/// A running server with one config. Dropping it closes the port.
pub struct DopplerServer {
    doppler: Arc<Doppler>,
    running: Running,
}

type Doppler = Service<World>;

struct World {
    token: String,
    secrets: BTreeMap<String, String>,
}

/// What Doppler says when it refuses.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "messages": [self.1], "success": false });
        (self.0, Json(body)).into_response()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Download {
    #[serde(default)]
    project: String,
    #[serde(default)]
    config: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    secrets: String,
    #[serde(default)]
    include_dynamic_secrets: String,
}

impl DopplerServer {
    /// Listens and serves, on the tokio runtime of the caller; port 0 stands for a free one.
    ///
    /// # Errors
    /// The address is not loopback, or not free.
    pub async fn start(address: SocketAddr, token: &str) -> Result<Self, StartError> {
        let voice = Voice {
            rate_limited: |wait, _| {
                let words = "You've exceeded your rate limit.".to_owned();
                told(wait, Refusal(StatusCode::TOO_MANY_REQUESTS, words))
            },
            unauthorized: || unknown_token().into_response(),
        };
        let world = World {
            token: token.to_owned(),
            secrets: BTreeMap::new(),
        };
        let routes = Router::new()
            .route("/v3/me", get(me))
            .route("/v3/configs/config/secrets/download", get(download));
        let (doppler, running) = Service::start(address, voice, world, routes).await?;
        Ok(Self { doppler, running })
    }

    /// What a client takes for `https://api.doppler.com`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.core().base_url().to_owned()
    }

    /// Its clock, its faults and its record.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.doppler.core
    }

    /// Puts a secret into the config.
    pub fn put(&self, name: &str, value: &str) {
        let mut world = self.doppler.world();
        world.secrets.insert(name.to_owned(), value.to_owned());
    }

    /// Takes this token from now on, and the one before no more.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.doppler.world().token);
    }

    /// For [`server_kit::by_itself`].
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }
}

impl World {
    fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match bearer(headers) {
            None => Err(Refusal(
                StatusCode::UNAUTHORIZED,
                "Please provide an auth token".to_owned(),
            )),
            Some(token) if token == self.token => Ok(()),
            Some(_) => Err(unknown_token()),
        }
    }
}

fn unknown_token() -> Refusal {
    Refusal(StatusCode::UNAUTHORIZED, "Invalid Service token".to_owned())
}

async fn me(State(doppler): State<Arc<Doppler>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let world = doppler.world();
    world.authorize(&headers)?;
    let preview: String = world.token.chars().take(9).collect();
    Ok(Json(json!({
        "workplace": { "name": "Acme", "slug": "f0d0b54d7e20e2f4a96e" },
        "type": "service_token", "token_preview": format!("{preview}…"), "slug": "00000000-0000-4000-8000-000000000000",
        "created_at": "2026-01-01T00:00:00.000Z", "name": "provisionhook", "last_seen_at": "2026-01-02T00:00:00.000Z",
    }))
    .into_response())
}

async fn download(
    State(doppler): State<Arc<Doppler>>,
    headers: HeaderMap,
    query: Result<Query<Download>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Refusal> {
    let world = doppler.world();
    world.authorize(&headers)?;
    let Query(asked) = query.map_err(|_| bad("Unknown query parameter"))?;
    if !asked.project.is_empty() && asked.project != PROJECT {
        let words = format!("Could not find requested project '{}'", asked.project);
        return Err(Refusal(StatusCode::NOT_FOUND, words));
    }
    if !asked.config.is_empty() && asked.config != CONFIG {
        let words = format!("Could not find requested config '{}'", asked.config);
        return Err(Refusal(StatusCode::NOT_FOUND, words));
    }
    if asked.format != "json"
        || !["", "true", "false"].contains(&asked.include_dynamic_secrets.as_str())
    {
        return Err(bad("Invalid format"));
    }
    let body = json!(chosen(&world.secrets, &asked.secrets)).to_string();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let etag = format!("W/\"{:x}\"", hasher.finish());
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok());
    if known == Some(etag.as_str()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response());
    }
    let json = ("content-type", "application/json; charset=utf-8");
    Ok(([json], [(ETAG, etag)], body).into_response())
}

fn bad(words: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, words.to_owned())
}

/// All secrets and what Doppler adds of its own; or those that are named, as far as they are there.
fn chosen<'w>(secrets: &'w BTreeMap<String, String>, names: &str) -> BTreeMap<&'w str, &'w str> {
    let all = secrets
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    if names.is_empty() {
        let own = [
            ("DOPPLER_CONFIG", CONFIG),
            ("DOPPLER_ENVIRONMENT", CONFIG),
            ("DOPPLER_PROJECT", PROJECT),
        ];
        return all.chain(own).collect();
    }
    all.filter(|(name, _)| names.split(',').any(|wanted| wanted == *name))
        .collect()
}
