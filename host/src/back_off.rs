//! How long to wait before the next try.

use std::time::Duration;

use crate::{
    clock::{millis, random_part},
    fault::Fault,
};

/// Before the second try.
const FIRST: Duration = Duration::from_secs(1);
/// Not longer than this, unless the upstream asks for it.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// The longest that an upstream may ask to be left alone.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);

/// Doubles with each failure in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BackOff {
    failures: u32,
}

impl BackOff {
    /// The pause after one more failure. Between half of it and the whole, so that many that fail do not march in step.
    pub(crate) fn after(&mut self, fault: &Fault) -> Duration {
        let pause = FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let pause = Duration::from_millis(random_part(millis(pause), 50..=100)).max(FIRST);
        let asked = fault.retry_after.unwrap_or_default().min(LONGEST_ASKED);
        pause.max(asked)
    }

    /// A success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn it_doubles_from_a_second_to_five_minutes_and_heeds_the_upstream() {
        let mut back_off = BackOff::default();
        let fault = Fault::new(FaultKind::Transient, "down");
        let pauses: Vec<_> = (0..40).map(|_| back_off.after(&fault)).collect();
        let mut whole = FIRST;
        for pause in pauses {
            let range = (whole / 2).max(FIRST)..=whole;
            assert!(range.contains(&pause), "{range:?}: {pause:?}");
            whole = (whole * 2).min(LONGEST);
        }
        assert_eq!(whole, LONGEST);
        let asks = |after| Fault {
            retry_after: Some(Duration::from_secs(after)),
            ..fault.clone()
        };
        assert_eq!(back_off.after(&asks(1_000)), Duration::from_secs(1_000));
        assert_eq!(back_off.after(&asks(1_000_000)), LONGEST_ASKED);
        back_off.reset();
        assert_eq!(back_off.after(&fault), FIRST);
    }
}
