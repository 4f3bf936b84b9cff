//! What is remembered of the configured token from one run to the next.

use jiff::{Timestamp, civil::Date};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::memory::Memory;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::hash::sha256;

const KEY: &str = "token";

/// Which token is current, and which rotation is under way.
#[derive(Clone, Deserialize, Serialize)]
pub struct Record {
    /// The hash of the configured token that all of this descends from. Another one in the config takes over.
    seed: String,
    /// The current token.
    pub token: Zeroizing<String>,
    /// When it was rotated last; none if it is the configured one.
    pub rotated_at: Option<Timestamp>,
    /// A rotation that was begun, and of which nobody has written down how it ended.
    ///
    /// INVARIANT: on the disk before GitLab is asked, and there until it is certain what became of it.
    pub intent: Option<Intent>,
}

/// A rotation that was begun.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub struct Intent {
    /// When.
    pub begun_at: Timestamp,
    /// The end that was asked for.
    pub until: Date,
}

impl Record {
    /// Nothing has happened to the configured token yet.
    #[must_use]
    pub fn of(configured: &str) -> Self {
        Self {
            seed: sha256(configured),
            token: Zeroizing::new(configured.to_owned()),
            rotated_at: None,
            intent: None,
        }
    }

    /// The record that is kept, if it descends from the configured token; otherwise a new one.
    ///
    /// # Errors
    /// There may be one, but it cannot be read.
    pub async fn read(memory: &impl Memory, configured: &str) -> Result<Self, Fault> {
        let fresh = Self::of(configured);
        let Some(bytes) = memory.read(KEY).await? else {
            return Ok(fresh);
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(kept) if kept.seed == fresh.seed => Ok(kept),
            Ok(_) => {
                tracing::info!("the config has another token than before; it takes over");
                Ok(fresh)
            }
            Err(_) => {
                tracing::warn!(
                    "what is remembered of the token is damaged; starting over with the one in the config"
                );
                Ok(fresh)
            }
        }
    }

    /// # Errors
    /// It cannot be written.
    pub async fn write(&self, memory: &impl Memory) -> Result<(), Fault> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Fault::internal(format!("a record has no JSON form: {error}")))?;
        memory.write(KEY, &Zeroizing::new(bytes)).await
    }
}
