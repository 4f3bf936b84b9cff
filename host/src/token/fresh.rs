//! Checks what a provider handed back, and says for how long it is good.

use std::sync::Arc;

use super::{BrokerSettings, TokenErrorKind, clock::Now};
use crate::{
    capability::Token,
    clock::{millis, random_part},
    redact::{Guard, Redactor},
};

/// No token of any service comes near this.
const LONGEST: usize = 64 * 1024;
/// When a token is renewed, in hundredths of the time that it can be handed out.
const RENEWED_AT: std::ops::RangeInclusive<u64> = 75..=90;

/// A token that may be handed out.
pub(super) struct Cached {
    pub(super) token: Arc<Token>,
    /// The broker's age, in milliseconds, at which it is no longer handed out.
    pub(super) until_age: u64,
    /// The wall clock's time, in milliseconds, at which it is no longer handed out.
    pub(super) until_wall: i64,
    /// The broker's age at which it should be renewed.
    pub(super) renew_at: u64,
    /// Keeps the token out of the logs.
    _protected: Guard,
}

impl Cached {
    pub(super) const fn usable(&self, now: Now) -> bool {
        now.age < self.until_age && now.wall < self.until_wall
    }
}

/// # Errors
/// What makes this no token to give away.
pub(super) fn check(
    token: Token,
    now: Now,
    settings: &BrokerSettings,
    redactor: &Redactor,
) -> Result<Cached, TokenErrorKind> {
    check_text(token.value.expose())?;
    let (good_for, until_wall) = match token.expires_at {
        None => (millis(settings.without_expiry), i64::MAX),
        Some(expiry) => {
            let good_for =
                check_expiry(expiry.as_millisecond().saturating_sub(now.wall), settings)?;
            (good_for, now.wall.saturating_add_unsigned(good_for))
        }
    };
    Ok(Cached {
        _protected: redactor.protect(&token.value),
        token: Arc::new(token),
        until_age: now.age.saturating_add(good_for),
        until_wall,
        renew_at: now.age.saturating_add(random_part(good_for, RENEWED_AT)),
    })
}

/// # Errors
/// Empty, too long, or not fit for a header or a line.
fn check_text(text: &str) -> Result<(), TokenErrorKind> {
    if text.is_empty() {
        return Err(TokenErrorKind::EmptyToken);
    }
    if text.len() > LONGEST {
        return Err(TokenErrorKind::Malformed("more than 64 KiB"));
    }
    if text.chars().any(char::is_control) {
        return Err(TokenErrorKind::Malformed(
            "a control character in it, such as a line's end",
        ));
    }
    Ok(())
}

/// For how many milliseconds a token with `left` milliseconds to live can be handed out.
///
/// # Errors
/// Too few or absurdly many.
fn check_expiry(left: i64, settings: &BrokerSettings) -> Result<u64, TokenErrorKind> {
    let skew = millis(settings.skew);
    let good_for = u64::try_from(left).unwrap_or(0).saturating_sub(skew);
    if good_for == 0 {
        return Err(TokenErrorKind::ExpiresTooSoon {
            left: left.div_euclid(1_000),
            skew: settings.skew.as_secs(),
        });
    }
    if good_for > millis(settings.longest_life) {
        const DAY: i64 = 24 * 60 * 60;
        let most = settings.longest_life.as_secs() / DAY.unsigned_abs();
        return Err(TokenErrorKind::ExpiresTooLate {
            days: left / 1_000 / DAY,
            most,
        });
    }
    Ok(good_for)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::secret::Secret;

    const NOW: Now = Now {
        age: 1_000,
        wall: 1_800_000_000_000,
    };

    fn token(value: &str, left: Option<i64>) -> Token {
        let expires_at =
            left.map(|left| Timestamp::from_millisecond(NOW.wall + left * 1_000).unwrap());
        Token {
            value: Secret::new(value),
            expires_at,
            username: None,
        }
    }

    /// # Errors
    /// As [`check`].
    fn checked(value: &str, left: Option<i64>) -> Result<Cached, TokenErrorKind> {
        check(
            token(value, left),
            NOW,
            &BrokerSettings::default(),
            &Redactor::new(),
        )
    }

    #[test]
    fn a_good_token_is_good_until_the_margin() {
        let cached = checked("t", Some(3_600)).unwrap_or_else(|error| panic!("{error}"));
        let last = 3_540_000;
        let at = |age: u64, wall: i64| Now {
            age: NOW.age + age,
            wall: NOW.wall + wall,
        };
        assert!(cached.usable(at(last - 1, 3_539_999)));
        assert!(!cached.usable(at(last, 0)), "the wall clock was set back");
        assert!(
            !cached.usable(at(0, 3_540_000)),
            "the wall clock was set forward"
        );
    }

    #[test]
    fn a_token_without_expiry_is_kept_for_five_minutes() {
        let cached = checked("t", None).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(cached.until_age, NOW.age + 300_000);
    }

    #[test]
    fn what_must_not_be_given_away_is_refused() {
        let year = 366 * 24 * 60 * 60;
        for (value, left, text) in [
            ("", Some(3_600), "found an empty one"),
            ("a\nb", Some(3_600), "a control character"),
            ("a\0", None, "a control character"),
            (&*"x".repeat(LONGEST + 1), None, "more than 64 KiB"),
            ("t", Some(-5), "found one with -5s to live"),
            ("t", Some(0), "found one with 0s to live"),
            ("t", Some(60), "longer than 60s, found one with 60s"),
            ("t", Some(year * 2), "at most 366 days, found one with 732"),
        ] {
            let error = checked(value, left).err().unwrap().to_string();
            assert!(error.contains(text), "{error}");
        }
        assert!(checked("t", Some(61)).is_ok() && checked("t", Some(year)).is_ok());
    }

    #[test]
    fn a_long_token_with_dots_is_a_token() {
        assert!(
            checked(
                &format!("ghs_123_{}.{}.x-y_z", "e".repeat(200), "f".repeat(280)),
                None
            )
            .is_ok()
        );
    }
}
