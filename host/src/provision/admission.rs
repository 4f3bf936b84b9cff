//! How many provisions run at once, and how many may wait for their turn. What is beyond that is refused before anything is
//! recorded, so that a rush costs those who come last, and not everybody.
//!
//! The budgets of a provision count from its turn: waiting uses up none of them.

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The two limits.
pub(super) struct Admission {
    /// A permit for each provision that runs. Given in the order of asking.
    running: Arc<Semaphore>,
    /// A permit for each that runs or waits.
    places: Arc<Semaphore>,
    /// How many have a place and not their turn.
    waiting: Gauge,
}

/// A place in the queue. Free again when dropped.
pub(super) struct Place {
    running: Arc<Semaphore>,
    waiting: Waiting,
    place: OwnedSemaphorePermit,
}

/// A provision whose turn has come. The next one's comes when this is dropped.
pub(super) struct Turn {
    _running: Option<OwnedSemaphorePermit>,
    _place: OwnedSemaphorePermit,
}

/// Counted until dropped.
struct Waiting(Gauge);

impl Admission {
    /// `at_once` provisions run, at least one, and `queue` more wait, which `waiting` shows.
    pub(super) fn new(at_once: usize, queue: usize, waiting: Gauge) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        let places = at_once.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Self {
            running: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(places)),
            waiting,
        }
    }

    /// A place in the queue, if one is free.
    pub(super) fn enter(&self) -> Option<Place> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place {
            running: Arc::clone(&self.running),
            waiting: Waiting::count(&self.waiting),
            place,
        })
    }
}

impl Place {
    /// Waits for the turn.
    pub(super) async fn turn(self) -> Turn {
        // The semaphore is never closed; if it were, waiting would end nothing.
        let running = self.running.acquire_owned().await.ok();
        drop(self.waiting);
        Turn {
            _running: running,
            _place: self.place,
        }
    }
}

impl Waiting {
    fn count(waiting: &Gauge) -> Self {
        waiting.inc();
        Self(waiting.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn one_runs_one_waits_and_the_third_is_refused() {
        let waiting = Gauge::default();
        let admission = Admission::new(1, 1, waiting.clone());
        let first = admission.enter().unwrap().turn().await;
        let second = admission.enter().unwrap();
        assert_eq!(waiting.get(), 1);
        assert!(admission.enter().is_none());
        let second = second.turn();
        let mut second = std::pin::pin!(second);
        let early = timeout(Duration::from_millis(1), second.as_mut()).await;
        assert!(early.is_err());
        drop(first);
        let second = second.await;
        assert_eq!(waiting.get(), 0);
        assert!(admission.enter().is_some());
        drop(second);
    }

    #[test]
    fn who_goes_away_gives_the_place_back() {
        let waiting = Gauge::default();
        let admission = Admission::new(0, 0, waiting.clone());
        drop(admission.enter().unwrap());
        assert_eq!(waiting.get(), 0);
        assert!(admission.enter().is_some());
    }
}
