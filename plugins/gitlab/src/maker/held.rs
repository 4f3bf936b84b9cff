//! What is remembered of the tokens that were made for a workspace or project.

use jiff::{SignedDuration, Timestamp, civil::Date};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::memory::Memory;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Given;
use crate::{client::Made, day::midnight, hash::sha256};

/// Those that were made, the newest last.
#[derive(Default, Deserialize, Serialize)]
pub(super) struct Held {
    tokens: Vec<Token>,
    /// One was asked for, and nobody has written down what came of it.
    under_way: bool,
}

#[derive(Deserialize, Serialize)]
struct Token {
    id: u64,
    /// Only of the newest: nobody asks for the others any more.
    value: Option<Zeroizing<String>>,
    expires_at: Option<Date>,
}

impl Held {
    /// # Errors
    /// It cannot be read.
    pub(super) async fn read(memory: &impl Memory, subject: &str) -> Result<Option<Self>, Fault> {
        let bytes = memory.read(&key(subject)).await?;
        // What is damaged may have been under way: what was made is found by its name.
        let damaged = || Self {
            tokens: Vec::new(),
            under_way: true,
        };
        Ok(bytes.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_else(|_| damaged())))
    }

    /// # Errors
    /// It cannot be written.
    pub(super) async fn write(&self, memory: &impl Memory, subject: &str) -> Result<(), Fault> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Fault::internal(format!("what is held has no JSON form: {error}")))?;
        memory.write(&key(subject), &Zeroizing::new(bytes)).await
    }

    /// # Errors
    /// It cannot be removed.
    pub(super) async fn remove(memory: &impl Memory, subject: &str) -> Result<(), Fault> {
        memory.remove(&key(subject)).await
    }

    /// The newest, if it lives for so long.
    pub(super) fn given(&self, least: SignedDuration, now: Timestamp) -> Option<Given> {
        let newest = self.tokens.last()?;
        let ends_at = newest.expires_at.map(midnight);
        let left = ends_at.map(|end| end.duration_since(now));
        if left.is_some_and(|left| left < least) {
            return None;
        }
        Some(Given {
            token: newest.value.clone()?,
            ends_at,
            made_at: None,
        })
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.tokens.iter().map(|token| token.id)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    pub(super) fn begin(&mut self) {
        self.under_way = true;
    }

    pub(super) fn give_up(&mut self) {
        self.under_way = false;
    }

    /// None of them is handed out again; all are still to be revoked.
    pub(super) fn forget_values(&mut self) {
        for token in &mut self.tokens {
            token.value = None;
        }
    }

    pub(super) fn adopt(&mut self, made: Made, now: Timestamp) -> Given {
        let given = Given::of(&made, now);
        self.forget_values();
        self.tokens.push(Token {
            id: made.id,
            value: Some(made.token),
            expires_at: made.expires_at,
        });
        self.under_way = false;
        given
    }
}

/// A subject may be a path, and long.
fn key(subject: &str) -> String {
    format!("made.{}", sha256(subject))
}
