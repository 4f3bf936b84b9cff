//! Infisical: the login of a machine identity (Universal Auth), and the listing of one path's secrets, in the versions 3 and 4 of the API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use server_kit::{Core, Running, Service, StartError, Voice, alphanumeric, told};

use crate::bearer::bearer;

/// The project that the identity is a member of.
pub const PROJECT: &str = "6f1c4a2e-5a0b-4f4e-9b77-0d6a5e1f2c3d";
/// Its environment.
pub const ENVIRONMENT: &str = "prod";
/// The identity's client id.
pub const CLIENT_ID: &str = "b1a2c3d4-0000-4000-8000-00000000abcd";

/// A running server with one project. Dropping it closes the port.
pub struct InfisicalServer {
    infisical: Arc<Infisical>,
    running: Running,
}

type Infisical = Service<World>;

struct World {
    client_secret: String,
    lifetime: Duration,
    /// Tokens, and when they end.
    tokens: BTreeMap<String, Timestamp>,
    /// By path and key.
    secrets: BTreeMap<(String, String), Secret>,
    /// What `/` imports: paths, in order.
    imports: Vec<String>,
    is_member: bool,
}

#[derive(Clone)]
struct Secret {
    value: String,
    version: u64,
    /// The identity may know that it is there, and not what it is.
    is_hidden: bool,
}

/// What Infisical says when it refuses.
struct Refusal(StatusCode, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "reqId": "req-0000000000000000", "statusCode": self.0.as_u16(), "message": self.2, "error": self.1,
        });
        (self.0, Json(body)).into_response()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    client_id: String,
    client_secret: String,
}

impl InfisicalServer {
    /// Listens and serves, on the tokio runtime of the caller; port 0 stands for a free one.
    ///
    /// # Errors
    /// The address is not loopback, or not free.
    pub async fn start(address: SocketAddr, client_secret: &str) -> Result<Self, StartError> {
        let voice = Voice {
            rate_limited: |wait, _| {
                let words = "Rate limit exceeded. Please try again later".to_owned();
                told(
                    wait,
                    Refusal(StatusCode::TOO_MANY_REQUESTS, "RateLimitExceeded", words),
                )
            },
            unauthorized: || unauthorized("Invalid credentials").into_response(),
        };
        let world = World {
            client_secret: client_secret.to_owned(),
            lifetime: Duration::from_secs(7200),
            tokens: BTreeMap::new(),
            secrets: BTreeMap::new(),
            imports: Vec::new(),
            is_member: true,
        };
        let routes = Router::new()
            .route("/api/v1/auth/universal-auth/login", post(login))
            .route("/api/v4/secrets", get(list_4))
            .route("/api/v3/secrets/raw", get(list_3));
        let (infisical, running) = Service::start(address, voice, world, routes).await?;
        Ok(Self { infisical, running })
    }

    /// What a client takes for `https://app.infisical.com`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.core().base_url().to_owned()
    }

    /// Its clock, its faults and its record.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.infisical.core
    }

    /// Puts a secret into a path, in its next version.
    pub fn put(&self, path: &str, key: &str, value: &str) {
        let mut world = self.infisical.world();
        let secret = world
            .secrets
            .entry((path.to_owned(), key.to_owned()))
            .or_insert(Secret {
                value: String::new(),
                version: 0,
                is_hidden: false,
            });
        value.clone_into(&mut secret.value);
        secret.version += 1;
    }

    /// Lets the identity know that a secret is there, and not what it is.
    pub fn hide(&self, path: &str, key: &str) {
        let mut world = self.infisical.world();
        if let Some(secret) = world.secrets.get_mut(&(path.to_owned(), key.to_owned())) {
            secret.is_hidden = true;
        }
    }

    /// Makes `/` import a path, over those that it imports already.
    pub fn import(&self, path: &str) {
        self.infisical.world().imports.push(path.to_owned());
    }

    /// Takes this client secret from now on, and the one before no more.
    pub fn set_client_secret(&self, secret: &str) {
        secret.clone_into(&mut self.infisical.world().client_secret);
    }

    /// Whether the identity is a member of the project.
    pub fn set_member(&self, is_member: bool) {
        self.infisical.world().is_member = is_member;
    }

    /// How long access tokens live from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.infisical.world().lifetime = lifetime;
    }

    /// Takes back all access tokens.
    pub fn revoke_all(&self) {
        self.infisical.world().tokens.clear();
    }

    /// The access tokens that are out.
    #[must_use]
    pub fn access_tokens(&self) -> Vec<String> {
        self.infisical.world().tokens.keys().cloned().collect()
    }

    /// For [`server_kit::by_itself`].
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }
}

impl World {
    fn authorize(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Refusal> {
        let token = bearer(headers).ok_or(unauthorized("Token missing"))?;
        match self.tokens.get(token) {
            Some(end) if *end > now => Ok(()),
            Some(_) => Err(unauthorized("Access token has expired")),
            None => Err(unauthorized("Invalid token")),
        }
    }

    /// The secrets of a path, and of those that it imports.
    fn list(
        &self,
        query: &BTreeMap<String, String>,
        version: Version,
    ) -> Result<Response, Refusal> {
        let told = |key: &str| query.get(key).map(String::as_str);
        if let Some(unknown) = query.keys().find(|key| !version.knows(key)) {
            return Err(Refusal(
                StatusCode::UNPROCESSABLE_ENTITY,
                "ValidationFailure",
                format!("unknown {unknown}"),
            ));
        }
        if told(version.project()) != Some(PROJECT) {
            return Err(not_found("Project not found"));
        }
        if !self.is_member {
            let words = "The identity is not a member of this project".to_owned();
            return Err(Refusal(StatusCode::FORBIDDEN, "PermissionDenied", words));
        }
        if told("environment") != Some(ENVIRONMENT) {
            return Err(not_found("Environment not found"));
        }
        let path = told("secretPath").unwrap_or("/");
        let with_values = told("viewSecretValue") != Some("false");
        let imports = self
            .imports
            .iter()
            .filter(|_| path == "/" && told(version.imports()) == Some("true"));
        let imports: Vec<Value> = imports
            .map(|path| json!({
                "secretPath": path, "environment": ENVIRONMENT, "folderId": "f", "secrets": self.listed(path, with_values),
            }))
            .collect();
        Ok(
            Json(json!({ "secrets": self.listed(path, with_values), "imports": imports }))
                .into_response(),
        )
    }

    fn listed(&self, path: &str, with_values: bool) -> Vec<Value> {
        let here = self.secrets.iter().filter(|((place, _), _)| place == path);
        here.map(|((path, key), secret)| {
            let is_hidden = secret.is_hidden || !with_values;
            json!({
                "id": format!("id-{key}"), "_id": format!("id-{key}"), "workspace": PROJECT, "environment": ENVIRONMENT,
                "version": secret.version, "type": "shared", "secretKey": key,
                "secretValue": if is_hidden { "<hidden-by-infisical>" } else { &secret.value },
                "secretValueHidden": is_hidden, "secretComment": "", "secretPath": path, "tags": [],
                "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z",
            })
        })
        .collect()
    }
}

/// The two versions differ in the names of parameters.
#[derive(Clone, Copy, PartialEq)]
enum Version {
    Three,
    Four,
}

impl Version {
    fn project(self) -> &'static str {
        match self {
            Self::Three => "workspaceId",
            Self::Four => "projectId",
        }
    }

    fn imports(self) -> &'static str {
        match self {
            Self::Three => "include_imports",
            Self::Four => "includeImports",
        }
    }

    fn knows(self, key: &str) -> bool {
        let both = [
            "environment",
            "secretPath",
            "viewSecretValue",
            "expandSecretReferences",
            "recursive",
            "tagSlugs",
        ];
        both.contains(&key) || key == self.project() || key == self.imports()
    }
}

async fn login(
    State(infisical): State<Arc<Infisical>>,
    body: Result<Json<Login>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(login) = body.map_err(|_| {
        let words = "clientId and clientSecret are required".to_owned();
        Refusal(StatusCode::UNPROCESSABLE_ENTITY, "ValidationFailure", words)
    })?;
    let mut world = infisical.world();
    if login.client_id != CLIENT_ID || login.client_secret != world.client_secret {
        return Err(unauthorized("Invalid credentials"));
    }
    let random = alphanumeric(60).map_err(|_| {
        let words = "no random numbers to be had".to_owned();
        Refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            words,
        )
    })?;
    let token = format!("eyJhbGciOiJIUzI1NiJ9.{random}");
    let lifetime = SignedDuration::try_from(world.lifetime).unwrap_or_default();
    world
        .tokens
        .insert(token.clone(), infisical.core.clock.now() + lifetime);
    Ok(Json(json!({
        "accessToken": token, "expiresIn": lifetime.as_secs(), "accessTokenMaxTTL": 2_592_000, "tokenType": "Bearer",
    }))
    .into_response())
}

fn list(
    infisical: &Infisical,
    headers: &HeaderMap,
    query: &BTreeMap<String, String>,
    version: Version,
) -> Result<Response, Refusal> {
    let world = infisical.world();
    world.authorize(headers, infisical.core.clock.now())?;
    world.list(query, version)
}

async fn list_4(
    State(infisical): State<Arc<Infisical>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Refusal> {
    list(&infisical, &headers, &query, Version::Four)
}

async fn list_3(
    State(infisical): State<Arc<Infisical>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Response, Refusal> {
    list(&infisical, &headers, &query, Version::Three)
}

fn unauthorized(words: &str) -> Refusal {
    Refusal(
        StatusCode::UNAUTHORIZED,
        "UnauthorizedError",
        words.to_owned(),
    )
}

fn not_found(words: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, "NotFound", words.to_owned())
}
