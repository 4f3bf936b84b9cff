//! A value with what is known of its life.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::Rules;

/// What a fetch brought. `Debug` leaves the value out.
#[derive(Clone)]
pub struct Fetched<V> {
    value: V,
    expires_at: Option<Timestamp>,
    refresh_at: Option<Timestamp>,
}

impl<V> Fetched<V> {
    /// A value that nobody says an end of: fresh for [`Rules::fresh_for`].
    pub fn endless(value: V) -> Self {
        Self {
            value,
            expires_at: None,
            refresh_at: None,
        }
    }

    /// A value that ends then, by the host's clock: fresh until half of its life is over.
    pub fn until(value: V, expires_at: Timestamp) -> Self {
        Self {
            expires_at: Some(expires_at),
            ..Self::endless(value)
        }
    }

    /// The same value, which is fresh until then instead, but not beyond its end.
    #[must_use]
    pub fn refresh_at(self, refresh_at: Timestamp) -> Self {
        Self {
            refresh_at: Some(refresh_at),
            ..self
        }
    }
}

impl<V: Clone> Fetched<V> {
    pub(super) fn value(&self) -> V {
        self.value.clone()
    }
}

impl<V> fmt::Debug for Fetched<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("expires_at", &self.expires_at)
            .field("refresh_at", &self.refresh_at)
            .finish_non_exhaustive()
    }
}

/// A value that is kept.
pub(super) struct Kept<V> {
    fetched: Fetched<V>,
    at: Timestamp,
}

impl<V: Clone> Kept<V> {
    pub(super) fn new(fetched: Fetched<V>, at: Timestamp) -> Self {
        Self { fetched, at }
    }

    pub(super) fn value(&self) -> V {
        self.fetched.value()
    }

    pub(super) fn is_fresh(&self, rules: &Rules, now: Timestamp) -> bool {
        // A clock that was set back says nothing about the value.
        if now < self.at || self.fetched.expires_at.is_some_and(|end| end <= now) {
            return false;
        }
        match (self.fetched.refresh_at, self.fetched.expires_at) {
            (Some(refresh_at), _) => now < refresh_at,
            (None, Some(end)) => end.duration_since(now) * 2 >= end.duration_since(self.at),
            (None, None) => self.age(now) < signed(rules.fresh_for),
        }
    }

    pub(super) fn is_useful(&self, rules: &Rules, now: Timestamp) -> bool {
        match self.fetched.expires_at {
            Some(end) => end.duration_since(now) >= signed(rules.least_left),
            None => self.age(now) < signed(rules.useful_for),
        }
    }

    fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.at)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// When it was fetched at second 1000, is it fresh and useful at that second?
    fn good(fetched: &Fetched<()>, second: i64) -> (bool, bool) {
        let (kept, rules) = (Kept::new(fetched.clone(), at(1000)), Rules::default());
        (
            kept.is_fresh(&rules, at(second)),
            kept.is_useful(&rules, at(second)),
        )
    }

    #[test]
    fn a_value_with_an_end_is_fresh_for_half_of_its_life() {
        let hour = Fetched::until((), at(4600));
        for (second, expected) in [
            (1000, (true, true)),
            (2800, (true, true)),
            (2801, (false, true)),
            (4300, (false, true)),
            (4301, (false, false)),
            (999, (false, true)),
        ] {
            assert_eq!(good(&hour, second), expected, "at {second}");
        }
    }

    #[test]
    fn a_given_time_of_refresh_counts_but_not_beyond_the_end() {
        let early = Fetched::until((), at(4600)).refresh_at(at(1010));
        assert!(good(&early, 1009).0 && !good(&early, 1010).0 && good(&early, 1010).1);
        let beyond = Fetched::until((), at(4600)).refresh_at(at(9000));
        assert!(good(&beyond, 4599).0 && !good(&beyond, 4600).0);
    }

    #[test]
    fn a_value_without_an_end_goes_by_the_rules() {
        let endless = Fetched::endless(());
        assert_eq!(good(&endless, 1299), (true, true));
        assert_eq!(good(&endless, 1300), (false, true));
        assert_eq!(good(&endless, 4600), (false, false));
    }

    #[test]
    fn a_rule_without_bounds_is_no_overflow() {
        assert_eq!(signed(Duration::MAX), SignedDuration::MAX);
    }
}
