//! What the services know: secrets, tokens, and whom they trust.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::DecodingKey;
use server_kit::Core;

use crate::assertion;
use crate::refusal::Refusal;
use crate::vault::Secret;

/// The scope that opens everything.
pub(crate) const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The whole server, shared by its routes.
pub(crate) struct Gcp {
    pub(crate) core: Arc<Core>,
    pub(crate) location: Option<String>,
    pub(crate) lifetime: Duration,
    pub(crate) trust: Trust,
    known: Mutex<Known>,
}

/// Whom the services trust. Fixed at the start.
#[derive(Default)]
pub(crate) struct Trust {
    /// Service accounts and their public keys.
    pub(crate) accounts: HashMap<String, DecodingKey>,
    /// Refresh tokens, with the client's id and secret.
    pub(crate) refresh: HashMap<String, (String, String)>,
    /// Audiences of identity pools, with the subject tokens that they take.
    pub(crate) pools: HashMap<String, Vec<String>>,
    /// Who may act as whom.
    pub(crate) impersonators: Vec<(String, String)>,
    /// The account of the machine.
    pub(crate) machine: Option<String>,
}

/// What changes.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) tokens: HashMap<String, Token>,
    /// The API is switched off in the project.
    pub(crate) off: bool,
    /// The next so many payloads come with a wrong checksum.
    pub(crate) damaged: usize,
}

pub(crate) struct Token {
    pub(crate) principal: String,
    pub(crate) expires: Timestamp,
}

impl Gcp {
    pub(crate) fn new(
        core: Arc<Core>,
        location: Option<String>,
        lifetime: Duration,
        trust: Trust,
    ) -> Self {
        Self {
            core,
            location,
            lifetime,
            trust,
            known: Mutex::default(),
        }
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    /// A new access token, as opaque as Google's.
    pub(crate) fn issue(&self, principal: &str) -> String {
        let random = server_kit::alphanumeric(180).unwrap_or_default();
        let token = format!("ya29.c.{random}");
        let life = SignedDuration::try_from(self.lifetime).unwrap_or(SignedDuration::MAX);
        let expires = self.now().saturating_add(life).unwrap_or(Timestamp::MAX);
        self.known().tokens.insert(
            token.clone(),
            Token {
                principal: principal.to_owned(),
                expires,
            },
        );
        token
    }

    pub(crate) fn expires_in(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// Whose the bearer token is: one that was issued, or a service account's own assertion.
    pub(crate) fn principal(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        let bearer = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or_else(Refusal::unauthenticated)?;
        if let Some(token) = self.known().tokens.get(bearer) {
            let alive = token.expires > self.now();
            return if alive {
                Ok(token.principal.clone())
            } else {
                Err(Refusal::unauthenticated())
            };
        }
        assertion::as_bearer(bearer, &self.trust.accounts, self.now())
            .ok_or_else(Refusal::unauthenticated)
    }
}
