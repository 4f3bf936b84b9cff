//! How long to wait before something that failed is tried again.

use std::time::Duration;

use jiff::Timestamp;

const FIRST: Duration = Duration::from_millis(200);

/// The pause after so many failures: twice as long each time, and up to half as long again by chance, so that not all who
/// were refused come back together. `now` is where the chance is from.
#[must_use]
pub fn after(failures: u32, now: Timestamp) -> Duration {
    let pause = FIRST * 2_u32.saturating_pow(failures.saturating_sub(1).min(8));
    let share = now.subsec_nanosecond().unsigned_abs() % 1000;
    pause + pause * share / 2000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let at = |nanoseconds| Timestamp::new(1, nanoseconds).unwrap();
        assert_eq!(after(1, at(0)), Duration::from_millis(200));
        assert_eq!(after(2, at(0)), Duration::from_millis(400));
        assert_eq!(after(1, at(999)), Duration::from_micros(299_900));
        assert!(after(u32::MAX, at(0)) < Duration::from_secs(60));
    }
}
