//! How long events are kept.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::EventLog;
use crate::{clock::millis, store::StoreError, unix_ms};

/// How long events are kept, and how many. The older ones go first, whichever limit they are over.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The age.
    pub time: Duration,
    /// The number.
    pub count: u64,
}

/// How many go in one commit: few enough that nobody waits for it.
const STEP: u32 = 512;
/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);

impl EventLog {
    /// Forgets, again and again, what need not be kept any more. Runs until it is dropped.
    pub async fn prune(&self, retention: Retention) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match self.prune_now(retention).await {
                Ok(0) => {}
                Ok(events) => tracing::debug!(events, "old events forgotten"),
                Err(error) => tracing::warn!(%error, "old events could not be forgotten"),
            }
        }
    }

    /// Forgets what need not be kept any more, and says how many events that were.
    pub async fn prune_now(&self, retention: Retention) -> Result<usize, StoreError> {
        let age = i64::try_from(millis(retention.time)).unwrap_or(i64::MAX);
        let count = i64::try_from(retention.count).unwrap_or(i64::MAX);
        let before = unix_ms::now().saturating_sub(age);
        let mut forgotten = 0;
        loop {
            let step = self.store.prune_events(before, count, STEP).await?;
            forgotten += step;
            if step < STEP as usize {
                return Ok(forgotten);
            }
        }
    }
}
