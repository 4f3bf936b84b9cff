//! Whether the platform is ready for traffic: it is when every latch has been dropped, and no longer once it drains.

use std::sync::{Arc, Weak};

use tokio::sync::watch;

/// Says whether the platform is ready.
#[derive(Clone, Debug)]
pub struct Readiness {
    latch: Weak<()>,
    draining: Arc<watch::Sender<bool>>,
}

/// Holds readiness back until it and all its clones are dropped.
#[derive(Clone, Debug)]
pub struct Latch(#[expect(dead_code, reason = "it is there to be dropped")] Arc<()>);

impl Readiness {
    /// A readiness that waits for the latch.
    #[must_use]
    pub fn new() -> (Self, Latch) {
        let latch = Arc::new(());
        (
            Self {
                latch: Arc::downgrade(&latch),
                draining: Arc::default(),
            },
            Latch(latch),
        )
    }

    /// Every latch is gone, and the platform does not drain.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_starting() && !*self.draining.borrow()
    }

    /// Some latch is still there.
    pub(super) fn is_starting(&self) -> bool {
        self.latch.strong_count() > 0
    }

    /// Not ready again, for good: whoever sends traffic here should look elsewhere.
    pub fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Waits until it drains.
    pub(super) async fn drained(&self) {
        // The sender is this one's own.
        drop(
            self.draining
                .subscribe()
                .wait_for(|draining| *draining)
                .await,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_the_last_latch_is_dropped_until_it_drains() {
        let (readiness, latch) = Readiness::new();
        let other = latch.clone();
        drop(latch);
        assert!(!readiness.is_ready());
        drop(other);
        assert!(readiness.is_ready());
        readiness.clone().drain();
        assert!(!readiness.is_ready());
    }
}
