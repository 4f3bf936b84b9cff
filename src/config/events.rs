//! `[events]`: how long what has happened is kept.

use std::time::Duration;

use provisionhook_host::events::Retention;
use serde::Deserialize;

/// `[events]`
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EventsSection {
    #[serde(deserialize_with = "super::schema::duration")]
    max_age: Duration,
    max_count: u64,
}

impl Default for EventsSection {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(30 * 24),
            max_count: 1_000_000,
        }
    }
}

impl EventsSection {
    /// As the host takes it.
    pub(crate) const fn retention(&self) -> Retention {
        Retention {
            time: self.max_age,
            count: self.max_count,
        }
    }
}
