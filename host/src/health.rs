//! How a plugin is doing: its calls, its faults, the time it takes, and the breaker that keeps a broken one from being called.
//!
//! Counting costs one atomic addition for a call that is ready at once.

mod breaker;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::fault::{Fault, FaultKind};

pub use breaker::{BreakerState, FIRST_BACK_OFF, LONGEST_BACK_OFF, TRIP_AFTER};

/// Counters and breaker of one plugin. Shared by all threads, without a lock while the plugin is well.
#[derive(Debug, Default)]
pub struct Health {
    calls: AtomicU64,
    busy_ns: AtomicU64,
    faults: [AtomicU64; FaultKind::ALL.len()],
    breaker: breaker::Breaker,
}

/// A reading of a plugin's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PluginHealth")]
pub struct HealthReport {
    /// Calls that have ended.
    pub calls: u64,
    /// How many of them failed, by kind; kinds that never happened are left out.
    pub faults: BTreeMap<&'static str, u64>,
    /// The time that they took in all, in milliseconds.
    pub busy_ms: u64,
    /// Whether it is called at all.
    pub breaker: BreakerState,
    /// Calls that the host gave up waiting for and that have not returned to this day. Each holds a thread.
    pub stuck: u32,
}

impl Health {
    /// Asks to make a call, to be reported with [`record`](Self::record).
    ///
    /// # Errors
    /// The breaker is open: a fault of the kind that tripped it, with the time after which to ask again.
    #[inline]
    pub fn admit(&self) -> Result<(), Fault> {
        self.breaker.admit()
    }

    /// Notes the end of a call that [`admit`](Self::admit) let through.
    #[inline]
    pub fn record(&self, fault: Option<FaultKind>, took: Duration) {
        self.calls.fetch_add(1, Relaxed);
        if !took.is_zero() {
            self.busy_ns
                .fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        }
        if let Some(kind) = fault {
            self.faults[kind as usize].fetch_add(1, Relaxed);
        }
        self.breaker.record(fault);
    }

    /// Notes that the host has given up waiting for a call that blocks its thread. Opens the breaker.
    pub fn stuck(&self) {
        self.breaker.stuck();
    }

    /// Notes that a call that was given up has returned after all.
    pub fn unstuck(&self) {
        self.breaker.unstuck();
    }

    /// Reads it all. The figures may be some calls apart from each other.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        let faults = FaultKind::ALL
            .iter()
            .zip(&self.faults)
            .map(|(kind, count)| (kind.as_str(), count.load(Relaxed)));
        let (breaker, stuck) = self.breaker.state();
        HealthReport {
            calls: self.calls.load(Relaxed),
            faults: faults.filter(|(_, count)| *count > 0).collect(),
            busy_ms: self.busy_ns.load(Relaxed) / 1_000_000,
            breaker,
            stuck,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_kind() {
        let health = Health::default();
        health.record(None, Duration::from_millis(3));
        for kind in FaultKind::ALL {
            health.record(Some(kind), Duration::from_millis(1));
        }
        health.record(Some(FaultKind::Denied), Duration::ZERO);
        let report = health.report();
        assert_eq!((report.calls, report.busy_ms), (9, 10));
        assert_eq!(report.faults.len(), FaultKind::ALL.len());
        assert_eq!(report.faults["denied"], 2);
        assert_eq!(report.faults["timed_out"], 1);
    }
}
