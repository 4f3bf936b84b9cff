//! Days: a token ends at midnight UTC, when its day begins.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
    tz::Offset,
};

/// When a token that expires on that day ends.
#[must_use]
pub fn midnight(day: Date) -> Timestamp {
    let midnight = day.to_datetime(Time::midnight());
    Offset::UTC.to_timestamp(midnight).unwrap_or(Timestamp::MAX)
}

/// The day that is so many days after that of `now`.
#[must_use]
pub fn days_from(now: Timestamp, days: u16) -> Date {
    let today = Offset::UTC.to_datetime(now).date();
    today
        .checked_add(i64::from(days).days())
        .unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_utc() {
        let late: Timestamp = "2026-12-31T23:59:59Z".parse().unwrap();
        assert_eq!(days_from(late, 1).to_string(), "2027-01-01");
        assert_eq!(
            midnight(days_from(late, 1)).duration_since(late).as_secs(),
            1
        );
        assert_eq!(
            midnight(days_from(late, 0)).to_string(),
            "2026-12-31T00:00:00Z"
        );
    }
}
