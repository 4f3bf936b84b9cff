//! The handle of a running server.

use std::sync::Arc;

use jiff::Timestamp;
use server_kit::{Core, Running};

use crate::builder::Builder;
use crate::vault::{Secret, State, Version};
use crate::world::Gcp;

/// A running server. Its methods may be called from any thread. Dropping it closes the port.
pub struct GcpServer {
    gcp: Arc<Gcp>,
    running: Running,
}

impl GcpServer {
    /// A server to be set up.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(gcp: Arc<Gcp>, running: Running) -> Self {
        Self { gcp, running }
    }

    /// What stands for `https://secretmanager.googleapis.com` and the others.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.core().base_url().to_owned()
    }

    /// Its clock, its faults and its record.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.gcp.core
    }

    /// Adds a version to the secret of this full name, which is made if it is not there; the version's number.
    pub fn put(&self, secret: &str, data: impl Into<Vec<u8>>) -> usize {
        let version = Version {
            data: data.into(),
            state: State::Enabled,
            created: Timestamp::now(),
        };
        self.with(secret, |secret| {
            secret.versions.push(version);
            secret.versions.len()
        })
    }

    /// Gives a version another name. Nothing happens to a version that is not there.
    pub fn alias(&self, secret: &str, alias: &str, number: usize) {
        self.with(secret, |secret| {
            secret.aliases.insert(alias.to_owned(), number)
        });
    }

    /// Enables, disables or destroys a version; false if that is not possible.
    pub fn set_state(&self, secret: &str, number: usize, state: State) -> bool {
        self.with(secret, |found| {
            (1..=found.versions.len()).contains(&number)
                && found.set_state(number, state, secret).is_ok()
        })
    }

    /// Lets nobody access the secret, or takes that back.
    pub fn set_denied(&self, secret: &str, denied: bool) {
        self.with(secret, |secret| secret.denied = denied);
    }

    /// Switches the API off in the project, or on.
    pub fn set_service_off(&self, off: bool) {
        self.gcp.known().off = off;
    }

    /// The next so many payloads come with a wrong checksum.
    pub fn damage(&self, payloads: usize) {
        self.gcp.known().damaged = payloads;
    }

    /// No token that was issued so far is good any more.
    pub fn revoke_tokens(&self) {
        let now = self.gcp.now();
        self.gcp
            .known()
            .tokens
            .values_mut()
            .for_each(|token| token.expires = now);
    }

    /// All tokens that were issued.
    #[must_use]
    pub fn issued(&self) -> Vec<String> {
        self.gcp.known().tokens.keys().cloned().collect()
    }

    /// Closes the port and waits for open answers.
    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// For a server that runs alone.
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }

    fn with<T>(&self, secret: &str, change: impl FnOnce(&mut Secret) -> T) -> T {
        change(
            self.gcp
                .known()
                .secrets
                .entry(secret.to_owned())
                .or_default(),
        )
    }
}
