//! A clock that is cheap enough to be read around every call, spans of time, and chance.

use std::{
    ops::RangeInclusive,
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

/// Whole milliseconds; the largest number for what does not fit.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A part of `whole`, drawn evenly from this range of hundredths.
pub(crate) fn random_part(whole: u64, hundredths: RangeInclusive<u64>) -> u64 {
    // In 1/1024 of the range, so that tokens with a common life still differ. Without randomness the middle will do.
    let draw = getrandom::u64().unwrap_or(512) % 1024;
    let width = hundredths.end().saturating_sub(*hundredths.start());
    let part = hundredths
        .start()
        .saturating_mul(1024)
        .saturating_add(width.saturating_mul(draw));
    let product = u128::from(whole).saturating_mul(u128::from(part));
    u64::try_from(product / (100 * 1024)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_parts_stay_in_their_range_and_differ() {
        let drawn: std::collections::BTreeSet<u64> =
            (0..100).map(|_| random_part(1_000_000, 75..=90)).collect();
        assert!(
            drawn.iter().all(|part| (750_000..=900_000).contains(part)),
            "{drawn:?}"
        );
        assert!(drawn.len() > 10, "{drawn:?}");
    }

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
