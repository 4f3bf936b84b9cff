//! Everything that the server knows, shared by its routes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use server_kit::Core;

use crate::credentials::{Consumer, Repository, Token, User};
use crate::limit::Limit;

pub(crate) struct Bitbucket {
    pub(crate) core: Arc<Core>,
    pub(crate) users: Vec<User>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) consumers: Vec<Consumer>,
    pub(crate) oauth_lifetime: Duration,
    pub(crate) limit: Limit,
    pub(crate) tokens: Mutex<Vec<Token>>,
}

impl Bitbucket {
    pub(crate) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    pub(crate) fn tokens(&self) -> MutexGuard<'_, Vec<Token>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that works now.
    pub(crate) fn token(&self, value: &str) -> Option<Token> {
        let now = self.now();
        let tokens = self.tokens();
        let found = tokens.iter().find(|token| token.value == value)?;
        found.works_at(now).then(|| found.clone())
    }

    /// Whether it is a token that has ended, rather than one that never was.
    pub(crate) fn has_expired(&self, value: &str) -> bool {
        let now = self.now();
        let tokens = self.tokens();
        let found = tokens.iter().find(|token| token.value == value);
        found.is_some_and(|token| now >= token.expires_at)
    }
}
