//! The handle of a running server.

use std::sync::Arc;
use std::time::Duration;

use server_kit::{Core, Running, alphanumeric};

use crate::bitbucket::Bitbucket;
use crate::builder::Builder;
use crate::credentials::{Owner, Reach, Token};

/// An API token's longest life, and what these tokens are given.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A running server. Its methods may be called from any thread. Dropping it closes the port.
pub struct BitbucketServer {
    bitbucket: Arc<Bitbucket>,
    running: Running,
}

impl BitbucketServer {
    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(bitbucket: Arc<Bitbucket>, running: Running) -> Self {
        Self { bitbucket, running }
    }

    /// What a client takes for `https://api.bitbucket.org` and for `https://bitbucket.org`: no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.core().base_url().to_owned()
    }

    /// Its clock, its faults and its record.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.bitbucket.core
    }

    /// A person's API token, made on the web, for a year; or nothing that works, for an unknown person.
    #[must_use]
    pub fn api_token(&self, email: &str, scopes: &[&str]) -> String {
        let user = self.bitbucket.users.iter().find(|user| user.email == email);
        let owner = user.map(|user| Owner::User(user.clone()));
        owner
            .map(|owner| self.add("ATATT3xFfGF0", owner, scopes))
            .unwrap_or_default()
    }

    /// An access token, made on the web, for a year.
    #[must_use]
    pub fn access_token(&self, reach: Reach, scopes: &[&str]) -> String {
        self.add("ATCTT3xFfGN0", Owner::Access(reach), scopes)
    }

    /// All tokens that OAuth consumers got so far, in order.
    #[must_use]
    pub fn oauth_tokens(&self) -> Vec<String> {
        let tokens = self.bitbucket.tokens();
        let oauth = tokens
            .iter()
            .filter(|token| matches!(token.owner, Owner::Consumer(_)));
        oauth.map(|token| token.value.clone()).collect()
    }

    /// Whether a token works now.
    #[must_use]
    pub fn works(&self, token: &str) -> bool {
        self.bitbucket.token(token).is_some()
    }

    /// Revokes a token, or takes that back; false if there is none.
    #[must_use = "false means that there is no such token"]
    pub fn set_revoked(&self, token: &str, revoked: bool) -> bool {
        let mut tokens = self.bitbucket.tokens();
        let found = tokens.iter_mut().find(|known| known.value == token);
        found.map(|token| token.revoked = revoked).is_some()
    }

    /// Closes the port, lets open answers end, and returns when that is done.
    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// For a server that runs alone.
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }

    /// Of about the length of the real ones; without random numbers, nothing that works.
    fn add(&self, prefix: &str, owner: Owner, scopes: &[&str]) -> String {
        let Ok(random) = alphanumeric(180) else {
            return String::new();
        };
        let now = self.bitbucket.now();
        let value = format!("{prefix}{random}={}", &random[..8]);
        self.bitbucket.tokens().push(Token {
            value: value.clone(),
            owner,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            expires_at: now.saturating_add(YEAR).unwrap_or(now),
            revoked: false,
        });
        value
    }
}
