//! Dynamic secrets: made for one workspace, renewed while it runs, revoked when it has gone.
//!
//! What was made for a workspace is kept under its id before the workspace gets it, so that no restart of the platform loses
//! a lease.

mod ending;
mod record;
mod tending;

use std::time::Duration;

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{memory::World, values::Kept};

use crate::{
    client::{Ask, Envelope},
    config::Reference,
    engines::Place,
    time::after,
    vault::Vault,
};

pub use self::record::{Lease, Purpose, Records};

/// A dynamic secret, fresh from Vault.
pub struct Made {
    /// What was made.
    pub secret: Kept,
    /// Until when it works, as far as is known.
    pub ends_at: Option<Timestamp>,
}

impl<W: World> Vault<W> {
    /// Makes a secret for a workspace; none for one that all of them share.
    ///
    /// # Errors
    /// Vault makes none, or it cannot be kept.
    pub async fn make<'a>(
        &self,
        records: &Records,
        workspace: Option<&str>,
        purpose: Purpose,
        (reference, place): (&Reference, &Place),
        ask: impl Fn() -> Result<Ask<'a>, Fault>,
    ) -> Result<Made, Fault> {
        let asked_at = self.client.world.now();
        let said = self.ask(ask).await?;
        let number = said.ticket.session;
        let response = self.found(reference, place, said)?;
        let mut envelope: Envelope = self.client.service().read(&response)?;
        let secret = envelope.take_data().map(Kept::Text).ok_or_else(|| {
            Fault::transient("expected a secret from Vault, found an answer without one")
        })?;
        if envelope.lease_id.is_empty() {
            // Such as the user of a database whose password is changed from time to time.
            return Ok(Made {
                secret,
                ends_at: None,
            });
        }
        let end = after(asked_at, Duration::from_secs(envelope.lease_duration));
        let lease = Lease::new(envelope, number, place.path.clone(), purpose, end);
        if let Some(workspace) = workspace
            && let Err(fault) = records.add(&self.client.world, workspace, &lease).await
        {
            self.revoke_unkept(&lease).await;
            return Err(fault);
        }
        let session_end = self.sessions.depend(&self.client, number, end).await?;
        Ok(Made {
            secret,
            ends_at: Some(session_end.map_or(end, |session_end| end.min(session_end))),
        })
    }

    /// A lease that nobody would remember must not live on.
    async fn revoke_unkept(&self, lease: &Lease) {
        if let Err(fault) = self.revoke(lease).await {
            tracing::warn!(%fault, "a lease that cannot be kept was not revoked; it ends by itself");
        }
    }
}
