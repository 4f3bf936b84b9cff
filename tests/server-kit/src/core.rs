//! What surrounds the contract: the clock, the faults, the record, and the end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::fault::{Fault, Faults, Times};
use crate::gate;
use crate::record::{Records, RequestRecord};

/// How the service says what every service says in its own words.
#[derive(Clone, Copy)]
pub struct Voice {
    /// It is asked too often, and may say for how long to stay away. It gets its own clock.
    pub rate_limited: fn(Option<Duration>, &Clock) -> Response,
    /// It does not know these credentials.
    pub unauthorized: fn() -> Response,
}

/// One for each server.
pub struct Core {
    /// The service's clock.
    pub clock: Clock,
    /// The fault that is switched on, and a part of the `METHOD /path` that it befalls.
    pub(crate) faults: Faults<(String, Fault)>,
    pub(crate) records: Records,
    pub(crate) voice: Voice,
    pub(crate) closing: watch::Receiver<bool>,
    base_url: String,
}

impl Core {
    pub(crate) fn new(voice: Voice, closing: watch::Receiver<bool>, base_url: String) -> Self {
        Self {
            clock: Clock::default(),
            faults: Faults::default(),
            records: Records::default(),
            voice,
            closing,
            base_url,
        }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Records each request, lets the faults befall it, and dates each answer by the service's clock.
    pub fn wrap(self: &Arc<Self>, router: Router) -> Router {
        let core = Arc::clone(self);
        router.layer(axum::middleware::from_fn_with_state(core, gate::gate))
    }

    /// Switches a fault on, in place of the one before, for requests whose `METHOD /path` has `part` in it.
    pub fn set_fault(&self, part: &str, fault: Fault, times: Times) {
        self.faults.set((part.to_owned(), fault), times);
    }

    /// Switches the fault off.
    pub fn clear_fault(&self) {
        self.faults.clear();
    }

    /// All requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.records.all()
    }

    /// How many requests have `part` in their `METHOD /path`.
    #[must_use]
    pub fn count(&self, part: &str) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|request| request.line().contains(part))
            .count()
    }

    /// Waits, but not beyond the end of the server.
    pub async fn pause(&self, delay: Duration) {
        let mut closing = self.closing.clone();
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            // An error means that the server's handle is gone, which ends the wait too.
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}
