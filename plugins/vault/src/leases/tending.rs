//! Looking after the leases of a workspace that runs.

use std::time::Duration;

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::{Again, Fault};
use provisionhook_provider_kit::memory::World;
use serde_json::json;

use super::record::{Lease, Records, State};
use crate::{
    client::{Answer, Ask, Envelope},
    sessions::Ends,
    time::{after, left, shown},
    vault::Vault,
};

/// While Vault does not answer, it is asked again no later than this.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// How a renewal went.
enum Renewed {
    /// For so many seconds.
    For(u64),
    /// Vault knows the lease, but does not extend it.
    Never,
    /// Vault does not know it.
    Gone,
}

impl<W: World> Vault<W> {
    /// Renews what is due, warns of what comes to its end, and says when to look again.
    ///
    /// # Errors
    /// The state cannot be read or written.
    pub async fn tend(&self, records: &Records, workspace: &str) -> Result<Again, Fault> {
        let world = &self.client.world;
        let leases = records.of(world, workspace).await?;
        if leases.iter().all(|lease| lease.state != State::Live) {
            return Ok(Again::never());
        }
        let upkeep = self.sessions.keep_up(&self.client).await?;
        let (mut due, mut living, mut changed) = (upkeep.due, false, Vec::new());
        for mut lease in leases
            .into_iter()
            .filter(|lease| lease.state == State::Live)
        {
            let before = lease.clone();
            let next = self.tend_lease(workspace, &mut lease, &upkeep.ends).await;
            due = due.into_iter().chain(next).min();
            living |= lease.state == State::Live;
            if lease != before {
                changed.push(lease);
            }
        }
        if !changed.is_empty() {
            records.update(world, workspace, &changed).await?;
        }
        let due = due.filter(|_| living);
        Ok(due.map_or_else(Again::never, |due| Again::after(left(world.now(), due))))
    }

    /// Looks after one, and says when to look again.
    async fn tend_lease(
        &self,
        workspace: &str,
        lease: &mut Lease,
        ends: &Ends,
    ) -> Option<Timestamp> {
        // A token is made anew when it is needed; only its session is looked after.
        let variables = lease.variables()?;
        let now = self.client.world.now();
        let Some(session_end) = ends.get(&lease.session) else {
            lease.state = State::Over;
            tracing::error!(
                workspace,
                variables,
                path = lease.path,
                "a dynamic secret is dead, because the token that it was made with is; restart the workspace"
            );
            return None;
        };
        if lease.ends_at <= now {
            over(workspace, &variables, lease);
            return None;
        }
        let mut next = lease.renew_at();
        if next.is_some_and(|at| at <= now) {
            next = self.renew(workspace, &variables, lease).await;
        }
        if lease.state == State::Over {
            return None;
        }
        let lease_end = (!lease.renewable).then_some(lease.ends_at);
        let look = lease_end
            .into_iter()
            .chain(*session_end)
            .min()
            .map(|end| warn_in_time(workspace, &variables, lease, end, now));
        next.into_iter().chain(look).min()
    }

    /// Renews one, and says when to look at it again; none if it is not renewed any more.
    async fn renew(
        &self,
        workspace: &str,
        variables: &str,
        lease: &mut Lease,
    ) -> Option<Timestamp> {
        let asked_at = self.client.world.now();
        match self.asked_to_renew(lease).await {
            Ok(Renewed::For(seconds)) => {
                lease.extend(asked_at, seconds);
                tracing::debug!(workspace, variables, seconds, "renewed a lease");
                if seconds.saturating_mul(10) < lease.ttl.saturating_mul(9) {
                    // Its longest life is near, and no renewal goes beyond that.
                    lease.renewable = false;
                    warn(workspace, variables, lease, lease.ends_at);
                }
                self.hold_session(lease).await;
            }
            Ok(Renewed::Never) => lease.renewable = false,
            Ok(Renewed::Gone) => {
                over(workspace, variables, lease);
                return None;
            }
            Err(fault) => {
                tracing::warn!(workspace, variables, %fault, "a lease was not renewed; it will be tried again");
                let rest = left(asked_at, lease.ends_at) / 4;
                return Some(after(asked_at, rest.min(TRY_AGAIN)));
            }
        }
        lease.renew_at()
    }

    /// # Errors
    /// Vault does not answer, or no policy allows it.
    async fn asked_to_renew(&self, lease: &Lease) -> Result<Renewed, Fault> {
        let fields = json!({ "lease_id": lease.id, "increment": lease.ttl });
        let path = "sys/leases/renew";
        let said = self.ask(|| Ask::write(path, &fields)).await?;
        let refusal = match said.answer {
            Answer::Success(response) => {
                let envelope: Envelope = self.client.service().read(&response)?;
                return Ok(Renewed::For(envelope.lease_duration));
            }
            Answer::Refused(refusal) => refusal,
        };
        match refusal.status() {
            400 if refusal.message().contains("not renewable") => Ok(Renewed::Never),
            400 if refusal.message().contains("max TTL") => Ok(Renewed::Never),
            400 | 404 => Ok(Renewed::Gone),
            403 => Err(Fault::config(format!(
                "expected to be allowed to renew leases, found that Vault refuses {path} (status 403); the policy \"default\" allows it"
            ))),
            _ => Err(refusal.unknown(path)),
        }
    }

    /// A lease that lives longer needs its session longer.
    async fn hold_session(&self, lease: &Lease) {
        let depended = self
            .sessions
            .depend(&self.client, lease.session, lease.ends_at);
        if let Err(fault) = depended.await {
            tracing::warn!(%fault, "the end of a lease is not kept; after a restart its token may not be renewed");
        }
    }
}

fn over(workspace: &str, variables: &str, lease: &mut Lease) {
    lease.state = State::Over;
    tracing::error!(
        workspace,
        variables,
        path = lease.path,
        "a dynamic secret has ended, or was revoked, while the workspace runs; restart the workspace"
    );
}

/// Warns when it is time, once, and says when to look again.
fn warn_in_time(
    workspace: &str,
    variables: &str,
    lease: &mut Lease,
    end: Timestamp,
    now: Timestamp,
) -> Timestamp {
    let at = lease.warn_at(end);
    if !lease.warned && now < at {
        return at;
    }
    if !lease.warned {
        warn(workspace, variables, lease, end);
    }
    end
}

fn warn(workspace: &str, variables: &str, lease: &mut Lease, end: Timestamp) {
    lease.warned = true;
    tracing::warn!(
        workspace,
        variables,
        path = lease.path,
        ends_at = %shown(end),
        "a dynamic secret comes to its end, and Vault does not extend it; the variables cannot change while the workspace runs: restart it before \
         that, give the role a longer max_ttl, or use the token provider"
    );
}
