//! Asks Bitbucket whether the configured token works, or for an OAuth token.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    form::Form,
    limit::{self, Limit},
    outside::{Outside, Request},
    shared::{self, Fetched, Shared},
};
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use crate::{
    config::{Credential, Settings},
    refusal,
};

const USER_AGENT: &str = concat!("provisionhook-bitbucket/", env!("CARGO_PKG_VERSION"));

/// The window is an hour that rolls, and Bitbucket does not say how long to stay away.
const LIMITS: limit::Rules = limit::Rules {
    untold: Duration::from_secs(120),
    longest: Duration::from_secs(3600),
    reset: None,
    remaining: None,
};

/// A token that was given to an environment works for at least so long more, if its life is long enough.
const LEAST_LEFT: SignedDuration = SignedDuration::from_mins(30);

/// The longest life that is believed.
const LONGEST_LIFE: u32 = 366 * 24 * 3600;

/// Bitbucket. Its methods may be called from any thread.
#[derive(Debug)]
pub struct Client<O> {
    settings: Settings,
    outside: O,
    limit: Limit,
    shared: Shared<(), Given>,
}

/// A token that works.
#[derive(Clone)]
pub struct Given {
    /// The token.
    pub token: Zeroizing<String>,
    /// When it ends; none if Bitbucket does not say.
    pub ends_at: Option<Timestamp>,
}

/// What a token is tried on. Nothing of it is needed, but that it is there.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shown {
    Repository {
        #[serde(rename = "full_name")]
        _full_name: IgnoredAny,
    },
    Page {
        #[serde(rename = "values")]
        _values: IgnoredAny,
    },
}

#[derive(Deserialize)]
struct Granted {
    access_token: Zeroizing<String>,
    expires_in: u32,
}

impl<O: Outside> Client<O> {
    /// Asks nobody.
    pub fn new(settings: Settings, outside: O) -> Self {
        let rules = shared::Rules {
            fresh_for: settings.recheck,
            // While Bitbucket is down, nobody can tell that the configured token does not work.
            useful_for: Duration::from_secs(24 * 3600),
            ..shared::Rules::default()
        };
        Self {
            settings,
            outside,
            limit: Limit::new(LIMITS),
            shared: Shared::new(rules),
        }
    }

    /// What it was told.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The world that it was given.
    pub fn outside(&self) -> &O {
        &self.outside
    }

    /// Whether the credential works, for the boot report. What comes of it is not handed out.
    ///
    /// # Errors
    /// Bitbucket refuses it, or does not answer.
    pub async fn check(&self) -> Result<(), Fault> {
        self.fetched().await.map(drop)
    }

    /// A token that others may have got too.
    ///
    /// # Errors
    /// Bitbucket refuses the credential, or does not answer.
    pub async fn given(&self) -> Result<Given, Fault> {
        self.shared.get(&(), &self.outside, self.fetched()).await
    }

    /// A token for who has one that is old, or that was refused somewhere: of an OAuth consumer always another one.
    ///
    /// # Errors
    /// As for [`given`](Self::given).
    pub async fn requested(&self) -> Result<Given, Fault> {
        let Credential::OAuth { key, secret } = &self.settings.credential else {
            return self.given().await;
        };
        let given = self.granted(key, secret).await?;
        let now = self.outside.now();
        self.shared.keep(&(), kept(given.clone(), now), now);
        Ok(given)
    }

    /// # Errors
    /// As for [`given`](Self::given).
    async fn fetched(&self) -> Result<Fetched<Given>, Fault> {
        let token = match &self.settings.credential {
            Credential::OAuth { key, secret } => {
                let given = self.granted(key, secret).await?;
                return Ok(kept(given, self.outside.now()));
            }
            Credential::ApiToken { token, .. } | Credential::AccessToken { token, .. } => token,
        };
        let url = format!(
            "{}/2.0/repositories/{}",
            self.settings.base_url,
            self.tried()
        );
        let request = Request::get(url).header("accept", "application/json");
        let request = match self.settings.credential.api_user() {
            Some(user) => request.header("authorization", &basic(user, token)),
            None => request.bearer(token),
        };
        let answer = self.ask(request).await?;
        // Whatever stands in between may say 200 as well.
        let (Shown::Repository { .. } | Shown::Page { .. }) =
            self.settings.service.read(&answer)?;
        Ok(Fetched::endless(Given {
            token: token.clone(),
            ends_at: None,
        }))
    }

    /// What the token is tried on. To list what one is a member of, one has to be somebody.
    fn tried(&self) -> String {
        let (workspace, credential) = (&self.settings.workspace, &self.settings.credential);
        match (credential.only_repository(), credential.api_user()) {
            (Some(name), _) => format!("{workspace}/{name}"),
            (None, Some(_)) => format!("{workspace}?role=member&pagelen=1"),
            (None, None) => format!("{workspace}?pagelen=1"),
        }
    }

    /// # Errors
    /// Bitbucket does not know the consumer, or does not answer.
    async fn granted(&self, key: &str, secret: &str) -> Result<Given, Fault> {
        let url = format!("{}/site/oauth2/access_token", self.settings.site_url);
        let form = Form::default().with("grant_type", "client_credentials");
        let request = form
            .post(url)
            .header("authorization", &basic(key, secret))
            .header("accept", "application/json");
        let before = self.outside.now();
        let answer = self.ask(request).await?;
        let granted: Granted = self.settings.service.read(&answer)?;
        let expected = |found: &str| {
            Fault::transient(format!(
                "expected a token from {}, found {found}; look for a proxy in between",
                self.settings.service
            ))
        };
        if granted.access_token.is_empty() {
            return Err(expected("an empty one"));
        }
        if !(1..=LONGEST_LIFE).contains(&granted.expires_in) {
            return Err(expected("one with an absurd life"));
        }
        let life = SignedDuration::from_secs(granted.expires_in.into());
        tracing::info!(seconds = granted.expires_in, "an OAuth token was fetched");
        Ok(Given {
            token: granted.access_token,
            ends_at: before.saturating_add(life).ok(),
        })
    }

    /// # Errors
    /// Any answer but 2xx, or none.
    async fn ask(&self, request: Request) -> Result<Response, Fault> {
        let service = &self.settings.service;
        self.limit.check(service, self.outside.now())?;
        let method = request.method;
        let request = request.header("user-agent", USER_AGENT);
        let answer = self.outside.send(request).await?;
        tracing::debug!(method, status = answer.status(), "Bitbucket answered");
        if self.limit.is_reached(&answer, "") {
            return Err(self.limit.reached(service, &answer, self.outside.now()));
        }
        service.success(answer, |refused| refusal::fault(refused, &self.settings))
    }
}

/// Fetched again early enough, and long before its end is over.
fn kept(given: Given, now: Timestamp) -> Fetched<Given> {
    let Some(end) = given.ends_at else {
        return Fetched::endless(given);
    };
    let half = end.duration_since(now) / 2;
    let refresh_at = end.saturating_sub(LEAST_LEFT.min(half)).unwrap_or(now);
    Fetched::until(given, end).refresh_at(refresh_at)
}

fn basic(user: &str, password: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}
