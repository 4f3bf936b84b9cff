//! `clock/1`: the host's time.

use std::{
    future::poll_fn,
    time::{Duration, SystemTime},
};

use super::Fault;
use crate::ffi::{Call, Host};

/// The host's clock. A plugin that reads this one, and not the system's, can be tested at any time of day.
#[derive(Debug)]
pub struct Clock<'h> {
    host: &'h Host,
}

impl<'h> Clock<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// The time of day, to the millisecond.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        let Some(milliseconds) = self.host.unix_ms() else {
            return SystemTime::now();
        };
        let distance = Duration::from_millis(milliseconds.unsigned_abs());
        if milliseconds < 0 {
            SystemTime::UNIX_EPOCH - distance
        } else {
            SystemTime::UNIX_EPOCH + distance
        }
    }

    /// A clock that never goes back; it started at some moment in the past.
    #[must_use]
    pub fn monotonic(&self) -> Option<Duration> {
        self.host.monotonic_ns().map(Duration::from_nanos)
    }

    /// How long the host still waits for this call; `None` if it has no deadline.
    #[must_use]
    pub fn remaining(&self, call: &Call<'_>) -> Option<Duration> {
        Some(call.deadline()?.saturating_sub(self.monotonic()?))
    }

    /// Waits.
    ///
    /// # Errors
    ///
    /// When the host has no clock to wait for.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Fault> {
        let mut operation = self.host.start_sleep(duration)?;
        poll_fn(|context| operation.poll(context)).await
    }
}
