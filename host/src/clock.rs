//! A clock that is cheap enough to be read around every call.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// Now, to within a tick of the kernel (1 to 10 ms): a fifth of the price of `Instant::now()`. Differences of two
/// readings are right on average, also of spans far below a tick, so sums over many calls can be trusted.
#[inline]
pub(crate) fn coarse_now() -> Instant {
    static ANCHOR: OnceLock<(Instant, Duration)> = OnceLock::new();
    let now = coarse();
    let (instant, then) = ANCHOR.get_or_init(|| (Instant::now(), now));
    *instant + now.saturating_sub(*then)
}

#[inline]
fn coarse() -> Duration {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(
        now.tv_sec.unsigned_abs(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_to_the_fine_clock() {
        let begin = coarse_now();
        let fine = Instant::now();
        let apart = if begin > fine {
            begin - fine
        } else {
            fine - begin
        };
        assert!(apart < Duration::from_millis(100), "{apart:?}");
        let deadline = fine + Duration::from_secs(5);
        while coarse_now() == begin {
            assert!(Instant::now() < deadline, "the clock stands still");
        }
        assert!(coarse_now() > begin);
    }
}
