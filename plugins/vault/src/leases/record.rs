//! What is kept of the leases of each workspace.

use std::time::Duration;

use jiff::{Timestamp, fmt::serde::timestamp::millisecond};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::memory::World;
use serde::{Deserialize, Serialize};

use crate::{
    client::Envelope,
    kept,
    time::{after, before},
};

/// A warning comes so long before the end, if there is as much left.
const WARN_BEFORE: Duration = Duration::from_secs(600);

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Vault's id of it.
    pub id: String,
    /// The number of the session that it was made with.
    pub session: u64,
    /// The path that was read.
    pub path: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Until when it works, if its session does.
    #[serde(with = "millisecond::required")]
    pub ends_at: Timestamp,
    /// What Vault gave at first, in seconds.
    pub ttl: u64,
    /// Whether Vault extends it.
    pub renewable: bool,
    /// How it is.
    pub state: State,
    /// Whether the operator was warned that it comes to its end.
    pub warned: bool,
}

/// What a lease is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// These variables, which cannot change while the workspace runs.
    Variables(Vec<String>),
    /// The token for this audience, which is made anew when it is needed.
    Token(String),
}

/// How a lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is looked after.
    Live,
    /// An earlier start of the workspace had it: it is only to be revoked.
    Retired,
    /// It has ended, or Vault does not know it any more.
    Over,
}

impl Lease {
    pub(super) fn new(
        envelope: Envelope,
        session: u64,
        path: String,
        purpose: Purpose,
        ends_at: Timestamp,
    ) -> Self {
        Self {
            id: envelope.lease_id,
            session,
            path,
            purpose,
            ends_at,
            ttl: envelope.lease_duration,
            renewable: envelope.renewable,
            state: State::Live,
            warned: false,
        }
    }

    /// When to renew it: a third before its end.
    pub(super) fn renew_at(&self) -> Option<Timestamp> {
        self.renewable
            .then(|| before(self.ends_at, Duration::from_secs(self.ttl) / 3))
    }

    /// When to warn of an end that is not put off any more; half of the first life before, if that is less.
    pub(super) fn warn_at(&self, end: Timestamp) -> Timestamp {
        before(end, WARN_BEFORE.min(Duration::from_secs(self.ttl) / 2))
    }

    /// The length of its life from now on.
    pub(super) fn extend(&mut self, now: Timestamp, seconds: u64) {
        self.ends_at = after(now, Duration::from_secs(seconds));
    }

    /// The variables that it serves.
    pub(super) fn variables(&self) -> Option<String> {
        match &self.purpose {
            Purpose::Variables(names) => Some(names.join(", ")),
            Purpose::Token(_) => None,
        }
    }
}

/// The leases of a workspace.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    leases: Vec<Lease>,
}

/// The records of all workspaces, in the plugin's state.
#[derive(Debug, Default)]
pub struct Records {
    /// Held while one is read, changed and written again; never across a request.
    turn: async_lock::Mutex<()>,
}

impl Records {
    /// The leases of a workspace.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn of<W: World>(&self, world: &W, workspace: &str) -> Result<Vec<Lease>, Fault> {
        let record: Option<Record> = kept::load(world, &key(workspace)).await?;
        Ok(record.unwrap_or_default().leases)
    }

    /// Adds one.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(super) async fn add<W: World>(
        &self,
        world: &W,
        workspace: &str,
        lease: &Lease,
    ) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        let mut leases = self.of(world, workspace).await?;
        let now = world.now();
        // A token that has ended by itself is not worth remembering.
        leases.retain(|known| known.variables().is_some() || known.ends_at > now);
        leases.push(lease.clone());
        self.write(world, workspace, leases).await
    }

    /// Writes how leases are now. One that is no longer on record stays away.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(super) async fn update<W: World>(
        &self,
        world: &W,
        workspace: &str,
        changed: &[Lease],
    ) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        let mut leases = self.of(world, workspace).await?;
        for known in &mut leases {
            if let Some(lease) = changed.iter().find(|lease| lease.id == known.id) {
                known.clone_from(lease);
            }
        }
        self.write(world, workspace, leases).await
    }

    /// Takes leases off the record, and the record away with the last of them.
    ///
    /// # Errors
    /// It cannot be changed.
    pub(super) async fn forget<W: World>(
        &self,
        world: &W,
        workspace: &str,
        gone: &[String],
    ) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        let mut leases = self.of(world, workspace).await?;
        leases.retain(|lease| !gone.contains(&lease.id));
        if leases.is_empty() {
            return world.remove(&key(workspace)).await;
        }
        self.write(world, workspace, leases).await
    }

    /// # Errors
    /// It cannot be kept.
    async fn write<W: World>(
        &self,
        world: &W,
        workspace: &str,
        leases: Vec<Lease>,
    ) -> Result<(), Fault> {
        kept::save(world, &key(workspace), &Record { leases }).await
    }
}

/// A workspace's id has no character that a key cannot have.
fn key(workspace: &str) -> String {
    format!("workspace.{workspace}")
}
