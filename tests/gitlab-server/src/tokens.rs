//! Access tokens: their form, their end, their family, and the book of those that there are.

use std::fmt;

use axum::http::StatusCode;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::{Value, json};
use server_kit::alphanumeric;

use crate::refusal::Refusal;

/// How far ahead an end may lie.
const LONGEST_LIFE_DAYS: i64 = 365;
/// The life of a token that was rotated without a wish.
const ROTATED_LIFE_DAYS: i64 = 7;

/// Which form new tokens take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenForm {
    /// `glpat-` and 20 letters and digits.
    #[default]
    Classic,
    /// `glpat-`, a payload of 131 characters, a version and a checksum, with dots between them.
    Routable,
}

/// A token that the server knows.
#[derive(Clone)]
pub struct TokenRecord {
    /// Its number.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// The token itself. `Debug` leaves it out.
    pub value: String,
    /// Whose it is.
    pub user_id: u64,
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was made, by the server's clock.
    pub created_at: Timestamp,
    /// The day on which it ends, at midnight UTC; none when it has no end.
    pub expires_at: Option<Date>,
    /// Whether it was revoked, by rotation too.
    pub revoked: bool,
    /// The number of the token that it replaced.
    pub previous: Option<u64>,
    /// An OAuth access token, which is no personal access token.
    pub oauth: bool,
    pub(crate) last_used_at: Option<Timestamp>,
}

impl TokenRecord {
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        let end = self.expires_at.and_then(midnight);
        end.is_some_and(|end| end <= now)
    }

    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        !self.revoked && !self.is_expired(now)
    }

    pub(crate) fn may(&self, scopes: &[&str]) -> bool {
        scopes.is_empty()
            || self
                .scopes
                .iter()
                .any(|scope| scopes.contains(&scope.as_str()))
    }

    /// As the API shows it, without the token itself.
    pub(crate) fn shown(&self, now: Timestamp) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "revoked": self.revoked,
            "created_at": written(self.created_at),
            "description": null,
            "scopes": self.scopes,
            "user_id": self.user_id,
            "last_used_at": self.last_used_at.map(written),
            "last_used_ips": [],
            "active": self.is_active(now),
            "expires_at": self.expires_at.map(|date| date.to_string()),
        })
    }

    /// The one time that the token itself is shown too.
    pub(crate) fn shown_whole(&self, now: Timestamp) -> Value {
        let mut shown = self.shown(now);
        shown["token"] = json!(self.value);
        shown
    }
}

impl fmt::Debug for TokenRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("user_id", &self.user_id)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .field("revoked", &self.revoked)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

/// What goes into a new token.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) name: String,
    pub(crate) user_id: u64,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<Date>,
    pub(crate) previous: Option<u64>,
    pub(crate) oauth: bool,
}

/// All tokens, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Tokens {
    pub(crate) form: TokenForm,
    pub(crate) all: Vec<TokenRecord>,
}

impl Tokens {
    pub(crate) fn by_value(&mut self, value: &str) -> Option<&mut TokenRecord> {
        self.all.iter_mut().find(|token| token.value == value)
    }

    pub(crate) fn by_id(&mut self, id: u64) -> Option<&mut TokenRecord> {
        self.all.iter_mut().find(|token| token.id == id)
    }

    /// # Errors
    /// 400 for an end that lies too far ahead.
    pub(crate) fn add(&mut self, grant: Grant, now: Timestamp) -> Result<TokenRecord, Refusal> {
        check_end(grant.expires_at, now)?;
        let number = u64::try_from(self.all.len()).unwrap_or(u64::MAX);
        let record = TokenRecord {
            id: number + 1,
            name: grant.name,
            value: new_value(self.form)?,
            user_id: grant.user_id,
            scopes: grant.scopes,
            created_at: now,
            expires_at: grant.expires_at,
            revoked: false,
            previous: grant.previous,
            oauth: grant.oauth,
            last_used_at: None,
        };
        self.all.push(record.clone());
        Ok(record)
    }

    /// Revokes a token and makes its successor, or does neither.
    pub(crate) fn rotate(
        &mut self,
        id: u64,
        expires_at: Option<Date>,
        now: Timestamp,
    ) -> Result<TokenRecord, Refusal> {
        let old = self.by_id(id).ok_or_else(Refusal::unauthorized)?.clone();
        if old.revoked {
            // As the documentation of the rotation of another's token says.
            self.revoke_descendants(id);
            return Err(Refusal::bad_request("Token already revoked"));
        }
        let grant = Grant {
            name: old.name,
            user_id: old.user_id,
            scopes: old.scopes,
            expires_at: expires_at.or_else(|| days_from(now, ROTATED_LIFE_DAYS)),
            previous: Some(id),
            oauth: false,
        };
        let new = self.add(grant, now)?;
        self.revoke(id);
        Ok(new)
    }

    pub(crate) fn revoke(&mut self, id: u64) {
        if let Some(token) = self.by_id(id) {
            token.revoked = true;
        }
    }

    /// Reuse detection: everything that was rotated out of this token dies.
    pub(crate) fn revoke_descendants(&mut self, id: u64) {
        let mut family = vec![id];
        // A successor always comes later in the book.
        for token in &mut self.all {
            if token
                .previous
                .is_some_and(|previous| family.contains(&previous))
            {
                family.push(token.id);
                token.revoked = true;
            }
        }
    }
}

/// The longest life, for tokens whose maker did not say.
pub(crate) fn longest(now: Timestamp) -> Option<Date> {
    days_from(now, LONGEST_LIFE_DAYS)
}

fn check_end(expires_at: Option<Date>, now: Timestamp) -> Result<(), Refusal> {
    match (expires_at, longest(now)) {
        (Some(end), Some(last)) if end > last => Err(Refusal::bad_request(&format!(
            "Expiration date must be before {last}"
        ))),
        _ => Ok(()),
    }
}

fn days_from(now: Timestamp, days: i64) -> Option<Date> {
    let today = Offset::UTC.to_datetime(now).date();
    today.checked_add(days.days()).ok()
}

/// The beginning of the day in UTC, which is when a token ends.
pub(crate) fn midnight(date: Date) -> Option<Timestamp> {
    Offset::UTC
        .to_timestamp(date.to_datetime(Time::midnight()))
        .ok()
}

/// With milliseconds, as GitLab writes times.
fn written(time: Timestamp) -> String {
    time.round(jiff::Unit::Millisecond)
        .unwrap_or(time)
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

/// The parts of the long form are opaque for clients: here they are noise of the right length.
fn new_value(form: TokenForm) -> Result<String, Refusal> {
    let random = |length| {
        alphanumeric(length).map_err(|_| {
            Refusal::other(
                StatusCode::INTERNAL_SERVER_ERROR,
                "500 Internal Server Error",
            )
        })
    };
    Ok(match form {
        TokenForm::Classic => format!("glpat-{}", random(20)?),
        TokenForm::Routable => format!("glpat-{}.01.{}", random(131)?, random(9)?),
    })
}

/// Whole seconds until the next beginning of such a period.
pub(crate) fn until_next(now: Timestamp, period: SignedDuration) -> i64 {
    let period = period.as_secs().max(1);
    period - now.as_second().rem_euclid(period)
}
