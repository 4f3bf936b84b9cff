//! The App as GitHub knows it: signs each request, keeps to the rate limits and to GitHub's clock.

mod installation;
mod mint;

use std::sync::Mutex;

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use zeroize::Zeroizing;

use crate::{
    config::Settings,
    jwt,
    limit::{self, Limit},
    outside::{Outside, Request, Response},
    refusal::{self, Asked},
    skew::Skew,
};

pub use self::mint::Minted;

use self::installation::Installation;

/// A token for 500 repositories comes with a description of each.
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// The App. Its methods may be called from any thread, at the same time.
#[derive(Debug)]
pub struct App<O> {
    settings: Settings,
    outside: O,
    skew: Skew,
    limit: Limit,
    /// What was looked up. A `std` mutex: it is never held across a request.
    known: Mutex<Option<Installation>>,
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
            limit: Limit::default(),
            known: Mutex::default(),
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
            self.limit.check(sent)?;
            let assumed = self.skew.seconds();
            let jwt = jwt::sign(
                &self.settings.key,
                &self.settings.issuer,
                self.skew.to_github(sent),
            )?;
            let request = self.request(method, path, &jwt, body);
            let answer = self.outside.send(request).await?;
            self.skew
                .learn(answer.date.as_deref(), sent, self.outside.now());
            tracing::debug!(method, path, status = answer.status, "GitHub answered");
            let again = answer.status == 401 && self.skew.seconds() != assumed;
            response = Some(answer);
            if !again {
                break;
            }
        }
        let response = response.ok_or_else(|| Fault::internal("no request was sent"))?;
        self.judged(response, asked)
    }

    fn request(&self, method: &'static str, path: &str, jwt: &str, body: Option<&[u8]>) -> Request {
        let text = |value: &str| Zeroizing::new(value.to_owned());
        let mut headers = vec![
            ("accept", text("application/vnd.github+json")),
            (
                "x-github-api-version",
                text(self.settings.base_url.api_version()),
            ),
            (
                "user-agent",
                text(concat!(
                    "provisionhook-github-app-auth/",
                    env!("CARGO_PKG_VERSION")
                )),
            ),
            ("authorization", Zeroizing::new(format!("Bearer {jwt}"))),
        ];
        if body.is_some() {
            headers.push(("content-type", text("application/json")));
        }
        Request {
            method,
            url: format!("{}{path}", self.settings.base_url),
            headers,
            body: body.map(<[u8]>::to_vec),
            max_response_bytes: MOST_BYTES,
        }
    }

    /// # Errors
    /// A rate limit, or any refusal but 404.
    fn judged(&self, response: Response, asked: Asked<'_>) -> Result<Answer, Fault> {
        if (200..300).contains(&response.status) {
            return Ok(Answer::Success(response));
        }
        let message = refusal::message(&response).unwrap_or_default();
        if limit::is_limit(&response, &message) {
            let now = self.outside.now();
            return Err(self.limit.reached(&response, now, self.skew.to_github(now)));
        }
        let fault = refusal::fault(&response, asked, &self.settings);
        if response.status == 404 {
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

/// The documented fields of an answer; everything else in it is ignored.
///
/// # Errors
/// A `transient` fault, which repeats nothing of the answer.
fn read<T: serde::de::DeserializeOwned>(
    response: &Response,
    settings: &Settings,
) -> Result<T, Fault> {
    serde_json::from_slice(&response.body).map_err(|error| {
        Fault::transient(format!(
            "expected GitHub's JSON from {} (status {}), found something else at line {} column {} of {} bytes; \
             if it stays so, look for a proxy or a login page in between",
            settings.base_url,
            response.status,
            error.line(),
            error.column(),
            response.body.len()
        ))
    })
}
