//! What becomes of the leases of a workspace that has gone, or starts anew.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{memory::World, quote::quoted};
use serde_json::json;

use super::record::{Lease, Records, State};
use crate::{
    client::{Answer, Ask},
    vault::Vault,
};

impl<W: World> Vault<W> {
    /// Revokes everything that was made for a workspace. Called again it does what is left to do.
    ///
    /// # Errors
    /// Something was not revoked, and will not have ended by itself yet.
    pub async fn end(&self, records: &Records, workspace: &str) -> Result<(), Fault> {
        let leases = records.of(&self.client.world, workspace).await?;
        if leases.is_empty() {
            return Ok(());
        }
        let (mut gone, mut problem) = (Vec::new(), None);
        for lease in leases {
            match self.revoke_if_alive(&lease).await {
                Ok(()) => gone.push(lease.id),
                Err(fault) => problem = Some(fault),
            }
        }
        tracing::debug!(workspace, revoked = gone.len(), "revoked leases");
        records.forget(&self.client.world, workspace, &gone).await?;
        problem.map_or(Ok(()), Err)
    }

    /// Marks what an earlier start of the workspace had, which nobody uses any more, and revokes it as far as that goes now.
    ///
    /// # Errors
    /// The state cannot be read or written.
    pub async fn retire(&self, records: &Records, workspace: &str) -> Result<(), Fault> {
        let world = &self.client.world;
        let mut leases = records.of(world, workspace).await?;
        if leases.is_empty() {
            return Ok(());
        }
        for lease in &mut leases {
            lease.state = State::Retired;
        }
        records.update(world, workspace, &leases).await?;
        let mut gone = Vec::new();
        for lease in leases {
            match self.revoke_if_alive(&lease).await {
                Ok(()) => gone.push(lease.id),
                Err(fault) => {
                    tracing::warn!(workspace, %fault, "a lease of the workspace's earlier start was not revoked; it will be when the workspace ends");
                    break;
                }
            }
        }
        records.forget(world, workspace, &gone).await
    }

    /// # Errors
    /// It may live on.
    async fn revoke_if_alive(&self, lease: &Lease) -> Result<(), Fault> {
        let over = lease.state == State::Over || lease.ends_at <= self.client.world.now();
        if over || !self.sessions.lives(&self.client, lease.session).await? {
            return Ok(());
        }
        self.revoke(lease).await
    }

    /// Has Vault revoke a lease. Vault puts it into a queue and tries again by itself; what is gone already is no fault.
    ///
    /// # Errors
    /// Vault does not answer, or no policy allows it.
    pub(super) async fn revoke(&self, lease: &Lease) -> Result<(), Fault> {
        let (path, fields) = ("sys/leases/revoke", json!({ "lease_id": lease.id }));
        let said = self.ask(|| Ask::write(path, &fields)).await?;
        let Answer::Refused(refusal) = said.answer else {
            return Ok(());
        };
        match refusal.status() {
            400 | 404 => {
                tracing::debug!(
                    path = lease.path,
                    said = quoted(refusal.message()),
                    "a lease was gone already"
                );
                Ok(())
            }
            403 => Err(Fault::config(format!(
                "expected to be allowed to revoke leases, found that Vault refuses {path} (status 403); allow \"update\" on it in a policy of the login: \
                 the policy \"default\" does not. Until then the secret from {} lives on until its lease ends",
                lease.path
            ))),
            _ => Err(refusal.unknown(path)),
        }
    }
}
