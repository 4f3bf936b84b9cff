//! What the plugin needs of the world: the time and HTTP of [`Outside`], and a place for what must outlive the platform.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::outside::{Hosted, Outside};
use zeroize::Zeroizing;

/// The world. In production it is the host's; a test has one of its own.
pub trait World: Outside {
    /// What was written under a key, if anything was.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Option<Zeroizing<Vec<u8>>>, Fault>> + Send;

    /// Writes, for good.
    ///
    /// # Errors
    /// It cannot be kept; `denied` in a dry run.
    fn write(&self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Takes away what is there, if anything is.
    ///
    /// # Errors
    /// It cannot be taken away.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

impl World for Hosted {
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
