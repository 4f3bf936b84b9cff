//! Ends workspaces whose time to live is over. One task waits for all of them.
//!
//! When a time is over is on record, by the wall clock, so it counts on while the platform is away. What was recorded last counts: a
//! workspace that was restarted meanwhile has a new time.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use crate::{
    provision::{Inner, Outcome, ProvisionErrorKind, Provisioner},
    store::{AfterTtl, WorkspaceRecord, WorkspaceState},
    unix_ms,
    workspace_id::WorkspaceId,
};

/// The reason on record of a workspace that was ended because its time to live was over.
pub(super) const EXPIRED: &str = "expired";
/// The wall clock may be set while nobody looks.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// After this, a workspace that could not be ended is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// When the times of workspaces are over.
#[derive(Default)]
pub(super) struct Expiries {
    queue: Mutex<Queue>,
    earlier: Notify,
}

/// Times in milliseconds since the Unix epoch.
#[derive(Default)]
struct Queue(BTreeSet<(i64, WorkspaceId)>);

impl Queue {
    /// Replaces what is there of this workspace.
    fn put(&mut self, at: i64, id: &WorkspaceId) {
        self.0.retain(|(_, other)| other != id);
        self.0.insert((at, id.clone()));
    }

    /// How long until the first is due, or to look at the clock again. None: there is none.
    fn wait(&self, now: i64) -> Option<Duration> {
        let (first, _) = self.0.first()?;
        let left = u64::try_from(first.saturating_sub(now)).unwrap_or(0);
        Some(Duration::from_millis(left).min(LOOK_AGAIN))
    }

    fn take_due(&mut self, now: i64) -> Vec<WorkspaceId> {
        let due = |(at, _): &(i64, WorkspaceId)| *at <= now;
        let count = self.0.iter().take_while(|entry| due(entry)).count();
        let first = (0..count).filter_map(|_| self.0.pop_first());
        first.map(|(_, id)| id).collect()
    }
}

impl Expiries {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, at: i64, id: &WorkspaceId) {
        self.queue().put(at, id);
        self.earlier.notify_one();
    }

    /// Waits for the end of a workspace's time, if it has any.
    pub(super) fn expect(&self, record: &WorkspaceRecord) {
        if let Some(at) = record.expires_at.filter(|_| can_expire(record)) {
            self.put(at, &record.id);
        }
    }

    /// Resolves when some may be due.
    async fn next(&self) {
        let wait = self.queue().wait(unix_ms::now());
        let due = async {
            match wait {
                Some(wait) => sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = self.earlier.notified() => {}
        }
    }
}

impl Provisioner {
    /// Ends workspaces as their times are over, until the platform shuts down.
    pub(super) fn watch_times(&self) {
        let this = self.clone();
        tokio::spawn(async move {
            let inner = &this.0;
            loop {
                tokio::select! {
                    // The next platform over this store goes on.
                    () = inner.tasks.closed() => return,
                    () = inner.expiries.next() => {}
                }
                let due = inner.expiries.queue().take_due(unix_ms::now());
                for id in due {
                    tokio::spawn(this.clone().expire(id));
                }
            }
        });
    }

    async fn expire(self, id: WorkspaceId) {
        let of = id.clone();
        let ended = self.operate(
            id.clone(),
            move |inner| async move { inner.expire(&of).await },
        );
        let Err(error) = ended.await else { return };
        if error.kind != ProvisionErrorKind::ShuttingDown {
            tracing::error!(workspace = %id, error = error.causes(), "a workspace whose time to live is over could not be ended; it is tried again");
            let again = i64::try_from(TRY_AGAIN.as_millis()).unwrap_or(i64::MAX);
            self.0
                .expiries
                .put(unix_ms::now().saturating_add(again), &id);
        }
    }
}

impl Inner {
    /// Begins the time of a workspace that is about to be recorded as running.
    pub(super) async fn begin_time(&self, mut record: WorkspaceRecord) -> Outcome<WorkspaceRecord> {
        let span = record.spec.ttl_seconds;
        let span = span.map(|seconds| {
            i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1000)
        });
        let expires_at = span.map(|span| unix_ms::now().saturating_add(span));
        if expires_at != record.expires_at {
            self.records.set_expiry(&record.id, expires_at).await?;
            record.expires_at = expires_at;
        }
        Ok(record)
    }

    async fn expire(self: &Arc<Self>, id: &WorkspaceId) -> Outcome<()> {
        let Some(record) = self.records.find(id).await? else {
            return Ok(());
        };
        if !can_expire(&record) {
            return Ok(());
        }
        // The wall clock was set back, or the workspace was restarted.
        if record.state.is_alive() && record.expires_at.is_none_or(|at| at > unix_ms::now()) {
            self.expiries.expect(&record);
            return Ok(());
        }
        tracing::info!(workspace = %id, "the time to live of the workspace is over");
        let record = self.end_for(record, Some(EXPIRED), Duration::ZERO).await?;
        if record.spec.after_ttl == Some(AfterTtl::Delete) {
            self.remove(&record).await?;
        }
        Ok(())
    }
}

/// Whether the end of its time means anything to a workspace: it lives, or is on the way out because of it.
fn can_expire(record: &WorkspaceRecord) -> bool {
    let expired = record.outcome.reason.as_deref() == Some(EXPIRED);
    match record.state {
        WorkspaceState::Running | WorkspaceState::Paused => true,
        WorkspaceState::Stopping => expired,
        WorkspaceState::Stopped => expired && record.spec.after_ttl == Some(AfterTtl::Delete),
        WorkspaceState::Provisioning | WorkspaceState::Failed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> WorkspaceId {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_comes_first_and_the_last_word_counts() {
        let mut queue = Queue::default();
        assert_eq!(queue.wait(0), None);
        queue.put(5_000, &id("b"));
        queue.put(2_000, &id("a"));
        queue.put(9_000, &id("c"));
        assert_eq!(queue.wait(1_500), Some(Duration::from_millis(500)));
        assert_eq!(queue.take_due(1_999), []);
        queue.put(7_000, &id("a"));
        assert_eq!(queue.take_due(6_000), [id("b")]);
        assert_eq!(queue.take_due(i64::MAX), [id("a"), id("c")]);
        assert_eq!(queue.wait(0), None);
    }

    #[test]
    fn a_clock_that_jumps_is_seen() {
        let mut queue = Queue::default();
        let day = 24 * 60 * 60 * 1000;
        queue.put(day, &id("a"));
        assert_eq!(queue.wait(0), Some(LOOK_AGAIN), "it may be set forward");
        assert_eq!(queue.wait(2 * day), Some(Duration::ZERO));
        assert_eq!(queue.wait(i64::MIN), Some(LOOK_AGAIN), "it was set back");
        assert_eq!(queue.take_due(i64::MIN), []);
        assert_eq!(queue.take_due(2 * day), [id("a")]);
    }
}
