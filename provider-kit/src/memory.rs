//! What outlives the platform's process: in production the host's `state/1`, in tests something that fails or dies at will.

use provisionhook_plugin_abi::sdk::Fault;
use zeroize::Zeroizing;

use crate::outside::{Hosted, Outside};

/// Values by key. What is written has reached the disk when `write` is ready.
pub trait Memory: Send + Sync {
    /// The value of a key, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Zeroizing<Vec<u8>>>, Fault>> + Send;

    /// Gives a key a value.
    ///
    /// # Errors
    /// It cannot be written; then the old one is there. `denied` in a dry run.
    fn write(&self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Takes the value of a key away, if there is one.
    ///
    /// # Errors
    /// It cannot be removed.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The world of a plugin that remembers.
pub trait World: Outside + Memory {}

impl<W: Outside + Memory> World for W {}

impl Memory for Hosted {
    async fn read(&self, key: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        self.0.state().read(key).await
    }

    async fn write(&self, key: &str, value: &[u8]) -> Result<(), Fault> {
        self.0.state().write(key, value).await
    }

    async fn remove(&self, key: &str) -> Result<(), Fault> {
        self.0.state().remove(key).await
    }
}
