//! The App as GitHub knows it: signs each request, keeps to the rate limits and to GitHub's clock.

mod installation;
mod mint;

use std::{sync::Mutex, time::Duration};

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    limit::{self, Limit},
    outside::{Outside, Request, Response},
    shared::Shared,
    skew::Skew,
};

use crate::{
    config::Settings,
    jwt,
    refusal::{self, Asked},
    scope::Wish,
};

pub use self::mint::Minted;

use self::installation::Installation;

/// A token for 500 repositories comes with a description of each.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

const USER_AGENT: &str = concat!("provisionhook-github-app-auth/", env!("CARGO_PKG_VERSION"));

/// GitHub's own word for a limit that does not say how long is a minute; the primary limit's window is an hour.
const LIMITS: limit::Rules = limit::Rules {
    untold: Duration::from_secs(60),
    longest: Duration::from_secs(3600),
    reset: Some("x-ratelimit-reset"),
    remaining: Some("x-ratelimit-remaining"),
};

/// The App. Its methods may be called from any thread, at the same time.
#[derive(Debug)]
pub struct App<O> {
    settings: Settings,
    outside: O,
    skew: Skew,
    limit: Limit,
    /// What was looked up. A `std` mutex: it is never held across a request.
    known: Mutex<Option<Installation>>,
    /// What environments share.
    injected: Shared<Wish, Minted>,
}

impl<O: Outside> App<O> {
    /// The App that `settings` describe. Signs once to prove that the key can; asks nobody.
    ///
    /// # Errors
    /// See [`AppKey::sign`](crate::key::AppKey::sign).
    pub fn new(settings: Settings, outside: O) -> Result<Self, Fault> {
        jwt::sign(&settings.key, &settings.issuer, outside.now())?;
        Ok(Self {
            settings,
            outside,
            skew: Skew::default(),
            limit: Limit::new(LIMITS),
            known: Mutex::default(),
            injected: Shared::default(),
        })
    }

    /// What the App was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The world that it was given.
    pub fn outside(&self) -> &O {
        &self.outside
    }

    /// The time by the host's clock.
    pub fn now(&self) -> Timestamp {
        self.outside.now()
    }

    /// A `GET`; `path` begins with a slash.
    ///
    /// # Errors
    /// See [`exchange`](Self::exchange).
    async fn get(&self, path: &str, asked: Asked<'_>) -> Result<Answer, Fault> {
        self.exchange("GET", path, None, asked).await
    }

    /// Sends a request, and once more if GitHub refused it and its clock turned out to be another.
    ///
    /// # Errors
    /// No answer, a rate limit, or any refusal but 404.
    async fn exchange(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&[u8]>,
        asked: Asked<'_>,
    ) -> Result<Answer, Fault> {
        let mut response = None;
        for _ in 0..2 {
            let sent = self.outside.now();
            self.limit.check(&self.settings.service, sent)?;
            let assumed = self.skew.seconds();
            let jwt = jwt::sign(
                &self.settings.key,
                &self.settings.issuer,
                self.skew.to_service(sent),
            )?;
            let request = self.request(method, path, &jwt, body);
            let answer = self.outside.send(request).await?;
            self.skew
                .learn(&self.settings.service, &answer, sent, self.outside.now());
            tracing::debug!(method, path, status = answer.status(), "GitHub answered");
            let again = answer.status() == 401 && self.skew.seconds() != assumed;
            response = Some(answer);
            if !again {
                break;
            }
        }
        let response = response.ok_or_else(|| Fault::internal("no request was sent"))?;
        self.judged(response, asked)
    }

    fn request(&self, method: &'static str, path: &str, jwt: &str, body: Option<&[u8]>) -> Request {
        let request = Request::new(method, format!("{}{path}", self.settings.base_url))
            .max_response_bytes(MOST_BYTES)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", self.settings.base_url.api_version())
            .header("user-agent", USER_AGENT)
            .bearer(jwt);
        match body {
            Some(body) => request.body("application/json", body),
            None => request,
        }
    }

    /// # Errors
    /// A rate limit, or any refusal but 404.
    fn judged(&self, response: Response, asked: Asked<'_>) -> Result<Answer, Fault> {
        if response.is_success() {
            return Ok(Answer::Success(response));
        }
        let message = refusal::message(&response).unwrap_or_default();
        if self.limit.is_reached(&response, &message) {
            return Err(self
                .limit
                .reached(&self.settings.service, &response, self.outside.now()));
        }
        let fault = refusal::fault(&response, asked, &self.settings);
        if response.status() == 404 {
            Ok(Answer::NotFound(fault))
        } else {
            Err(fault)
        }
    }
}

/// What GitHub answered. Callers have their own idea of what to do when something is not there.
enum Answer {
    Success(Response),
    NotFound(Fault),
}

impl Answer {
    /// # Errors
    /// What was asked for is not there.
    fn found(self) -> Result<Response, Fault> {
        match self {
            Self::Success(response) => Ok(response),
            Self::NotFound(fault) => Err(fault),
        }
    }
}
