//! The App as GitHub knows it: signs each request, keeps to the rate limits and to GitHub's clock.

mod identity;
mod installation;
mod mint;
mod owned;
mod probe;

use std::time::Duration;

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    limit::{self, Limit},
    outside::{Outside, Request, Response},
    shared::{self, Shared},
    skew::Skew,
};

use crate::{
    config::Settings,
    jwt,
    refusal::{self, Asked},
    scope::Wish,
};

pub use self::mint::{Errand, Minted};

use self::{installation::Installation, owned::Owned};

/// A token for 500 repositories comes with a description of each.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

const USER_AGENT: &str = concat!("provisionhook-github-app-auth/", env!("CARGO_PKG_VERSION"));

/// For each request at boot, of which there are two at most: the host gives up on a plugin after ten seconds.
const AT_BOOT: Duration = Duration::from_secs(4);

/// GitHub's own word for a limit that does not say how long is a minute; the primary limit's window is an hour.
const LIMITS: limit::Rules = limit::Rules {
    untold: Duration::from_secs(60),
    longest: Duration::from_secs(3600),
    reset: Some("x-ratelimit-reset"),
    remaining: Some("x-ratelimit-remaining"),
};

/// The number of an installation changes when the App is installed again, which the next token tells, so that it may be
/// remembered for long; but not for ever.
const LOOKED_UP: shared::Rules = shared::Rules {
    fresh_for: Duration::from_secs(60 * 60),
    useful_for: Duration::from_secs(24 * 60 * 60),
    least_left: Duration::ZERO,
    most_keys: 10_000,
};

/// A token is still useful to a workspace that starts if it works for five minutes more.
const INJECTED: shared::Rules = shared::Rules {
    fresh_for: Duration::ZERO,
    useful_for: Duration::ZERO,
    least_left: Duration::from_secs(5 * 60),
    most_keys: 10_000,
};

/// The App. Its methods may be called from any thread, at the same time.
#[derive(Debug)]
pub struct App<O> {
    settings: Settings,
    outside: O,
    skew: Skew,
    limit: Limit,
    /// By the account's place in the settings.
    installations: Shared<usize, Installation>,
    /// What environments share: by workspace (empty for all) and wish.
    injected: Shared<(String, Wish), Minted>,
    /// The tokens of single workspaces.
    owned: Owned,
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
            installations: Shared::new(LOOKED_UP),
            injected: Shared::new(INJECTED),
            owned: Owned::default(),
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
    /// No answer, a rate limit, or any refusal that no caller has an idea of its own about.
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
            let request = self.request(method, path, &jwt);
            let request = match (body, asked) {
                (Some(body), _) => request.body("application/json", body),
                (None, Asked::Identity) => request.timeout(AT_BOOT),
                (None, _) => request,
            };
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

    /// A request without a body, in the name of the App or of an installation.
    fn request(&self, method: &'static str, path: &str, token: &str) -> Request {
        Request::new(method, format!("{}{path}", self.settings.base_url))
            .max_response_bytes(MOST_BYTES)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", self.settings.base_url.api_version())
            .header("user-agent", USER_AGENT)
            .bearer(token)
    }

    /// # Errors
    /// See [`exchange`](Self::exchange).
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
        match response.status() {
            404 => Ok(Answer::NotFound(fault)),
            403 if refusal::is_suspended(&message) => Ok(Answer::Suspended(fault)),
            _ => Err(fault),
        }
    }
}

/// What GitHub answered. Callers have their own idea of what to do when something is not there, or out of use.
enum Answer {
    Success(Response),
    NotFound(Fault),
    Suspended(Fault),
}

impl Answer {
    /// # Errors
    /// What was asked for is not there, or suspended.
    fn found(self) -> Result<Response, Fault> {
        match self {
            Self::Success(response) => Ok(response),
            Self::NotFound(fault) | Self::Suspended(fault) => Err(fault),
        }
    }
}
