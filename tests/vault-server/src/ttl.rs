//! The arithmetic of lifetimes: what is asked for, what a role gives, and what no renewal goes beyond.

use std::time::Duration;

use jiff::Timestamp;

use crate::time::{after, left};

/// 768 hours: Vault's own default for both the usual and the longest lifetime.
pub(crate) const SYSTEM: Duration = Duration::from_secs(768 * 3600);

/// What a role says of lifetimes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) ttl: Option<Duration>,
    pub(crate) max_ttl: Option<Duration>,
    pub(crate) period: Option<Duration>,
    pub(crate) explicit_max_ttl: Option<Duration>,
}

/// How long something lives from `now` on, which was issued at `issued`, and what Vault warns about. None when it has reached its end.
pub(crate) fn lifetime(
    limits: Limits,
    increment: Option<Duration>,
    issued: Timestamp,
    now: Timestamp,
) -> Option<(Duration, Vec<String>)> {
    let given = |length: Option<Duration>| length.filter(|length| !length.is_zero());
    let mut longest = SYSTEM;
    for limit in [given(limits.max_ttl), given(limits.explicit_max_ttl)]
        .into_iter()
        .flatten()
    {
        longest = longest.min(limit);
    }
    let (wanted, end) = match given(limits.period) {
        Some(period) => (
            period.min(longest),
            given(limits.explicit_max_ttl).map(|max| after(issued, max)),
        ),
        None => (
            given(increment).or(given(limits.ttl)).unwrap_or(SYSTEM),
            Some(after(issued, longest)),
        ),
    };
    let Some(end) = end else {
        return Some((wanted, Vec::new()));
    };
    let most = left(now, end);
    if most.is_zero() {
        return None;
    }
    if wanted <= most {
        return Some((wanted, Vec::new()));
    }
    let warning = format!(
        "TTL of \"{}\" exceeded the effective max_ttl of \"{}\"; TTL value is capped accordingly",
        go_style(wanted),
        go_style(most),
    );
    Some((most, vec![warning]))
}

/// Such as `1h30m`.
fn go_style(length: Duration) -> String {
    humantime::format_duration(Duration::from_secs(length.as_secs()))
        .to_string()
        .replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn seconds(limits: Limits, increment: Option<Duration>, now: i64) -> Option<u64> {
        lifetime(limits, increment, at(0), at(now)).map(|(length, _)| length.as_secs())
    }

    #[test]
    fn a_renewal_near_the_end_comes_back_shorter_and_then_not_at_all() {
        let limits = Limits {
            ttl: Some(HOUR),
            max_ttl: Some(2 * HOUR),
            ..Limits::default()
        };
        assert_eq!(seconds(limits, None, 0), Some(3600));
        assert_eq!(seconds(limits, Some(HOUR / 2), 0), Some(1800));
        assert_eq!(seconds(limits, None, 3600), Some(3600));
        assert_eq!(seconds(limits, None, 5400), Some(1800));
        assert_eq!(seconds(limits, None, 7200), None);
        let (_, warnings) = lifetime(limits, None, at(0), at(5400)).unwrap();
        assert!(
            warnings[0].contains("exceeded the effective max_ttl"),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_period_goes_on_for_ever_unless_there_is_an_explicit_end() {
        let mut limits = Limits {
            period: Some(HOUR),
            ..Limits::default()
        };
        assert_eq!(seconds(limits, Some(10 * HOUR), 1_000_000_000), Some(3600));
        limits.explicit_max_ttl = Some(2 * HOUR);
        assert_eq!(seconds(limits, None, 5400), Some(1800));
        assert_eq!(seconds(Limits::default(), None, 0), Some(768 * 3600));
    }
}
