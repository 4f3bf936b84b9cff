//! GitLab's API, as far as tokens go: one request at a time, limits obeyed, and silence after the first 401.

mod failed;
mod refusal;
mod stop;
mod tokens;

use std::time::Duration;

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    limit::{self, Limit},
    outside::{Outside, Request},
};
use serde_json::Value;

use self::stop::Stop;
use crate::config::Settings;

pub(crate) use self::tokens::{encoded, wish};
pub use self::{
    failed::Failed,
    tokens::{Made, Shown, User},
};

const USER_AGENT: &str = concat!("provisionhook-gitlab/", env!("CARGO_PKG_VERSION"));

/// The window of GitLab's limits is a minute.
const LIMITS: limit::Rules = limit::Rules {
    untold: Duration::from_secs(60),
    longest: Duration::from_secs(3600),
    reset: Some("ratelimit-reset"),
    remaining: Some("ratelimit-remaining"),
};

/// Asks GitLab. Its methods may be called from any thread.
#[derive(Debug)]
pub struct Client<W> {
    world: W,
    settings: Settings,
    limit: Limit,
    stop: Stop,
}

/// A request that is still to get what all have.
pub(crate) struct Ask<'a> {
    pub(crate) method: &'static str,
    /// Below `/api/v4`, beginning with a slash.
    pub(crate) path: String,
    pub(crate) token: &'a str,
    pub(crate) body: Option<Value>,
    pub(crate) timeout: Option<Duration>,
    /// What it is about, for the operator: `the rotation of the token`.
    pub(crate) about: &'a str,
}

impl<W: Outside> Client<W> {
    /// Asks nobody.
    pub fn new(settings: Settings, world: W) -> Self {
        Self {
            world,
            settings,
            limit: Limit::new(LIMITS),
            stop: Stop::default(),
        }
    }

    /// The world that it was given.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// What it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// # Errors
    /// Any answer but 2xx, or none.
    pub(crate) async fn ask(&self, ask: Ask<'_>) -> Result<Response, Failed> {
        let service = &self.settings.service;
        let now = self.world.now();
        self.stop.check(ask.token, now)?;
        self.limit.check(service, now).map_err(Failed::certain)?;
        let (method, path) = (ask.method, ask.path.clone());
        let request = self.request(&ask).map_err(Failed::certain)?;
        let answer = self.world.send(request).await;
        let response = answer.map_err(Failed::uncertain)?;
        tracing::debug!(method, path, status = response.status(), "GitLab answered");
        if response.is_success() {
            return Ok(response);
        }
        if self.limit.is_reached(&response, "") {
            let fault = self.limit.reached(service, &response, self.world.now());
            return Err(Failed::certain(fault));
        }
        let failed = refusal::failed(&response, &ask, &self.settings);
        self.stop.note(ask.token, &failed, self.world.now());
        Err(failed)
    }

    /// # Errors
    /// A body without a JSON form.
    fn request(&self, ask: &Ask<'_>) -> Result<Request, Fault> {
        let url = format!("{}/api/v4{}", self.settings.base_url, ask.path);
        let mut request = Request::new(ask.method, url)
            .header("accept", "application/json")
            .header("user-agent", USER_AGENT)
            .header("private-token", ask.token);
        if let Some(timeout) = ask.timeout {
            request = request.timeout(timeout);
        }
        match &ask.body {
            Some(body) => request.json(body),
            None => Ok(request),
        }
    }
}
