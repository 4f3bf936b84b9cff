//! The sessions as they are kept.

use std::time::Duration;

use jiff::{Timestamp, fmt::serde::timestamp::millisecond};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Ticket;
use crate::{
    client::{Auth, OwnToken},
    config::Method,
    time::{after, before, left},
};

/// In the last part of its life a token starts nothing new: it could end under way.
const LAST_PART: u32 = 20;
/// The identity of a token that the operator gave.
const GIVEN: &str = "token";

/// All sessions that are needed.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) sessions: Vec<Session>,
    /// The one for new requests.
    pub(super) current: Option<u64>,
    next: u64,
    /// When the current one was begun, if it was in this run.
    #[serde(skip)]
    begun_at: Option<Timestamp>,
    /// It could not be saved, as in a dry run.
    #[serde(skip)]
    pub(super) unkept: bool,
}

/// A token.
#[derive(Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) token: Zeroizing<String>,
    pub(super) policies: Vec<String>,
    identity: String,
    pub(super) renewable: bool,
    /// None for a token without an end.
    #[serde(with = "millisecond::optional")]
    pub(super) ends_at: Option<Timestamp>,
    /// What the login gave, in seconds.
    pub(super) ttl: u64,
    /// Until when something that was made with it may live.
    #[serde(with = "millisecond::optional")]
    needed_until: Option<Timestamp>,
    /// Vault extends it no more: it comes to its longest life.
    pub(super) fading: bool,
    /// It belongs to the platform that runs, and this is a dry run beside it: it is used, and neither renewed nor revoked.
    #[serde(skip)]
    borrowed: bool,
    /// Not before this, because the last attempt to renew it got no answer.
    #[serde(skip)]
    pub(super) try_at: Option<Timestamp>,
    /// Until when the last renewal asked for it to live, whatever Vault gave.
    #[serde(skip)]
    pub(super) asked_until: Option<Timestamp>,
}

impl Book {
    /// Takes up the session of an earlier run, if it belongs to the same login.
    pub(super) fn choose(&mut self, method: &Method) {
        let identity = method.identity();
        let belongs = |session: &Session| {
            session.identity == identity
                && match method {
                    Method::Token(token) => session.token == *token,
                    Method::AppRole { .. } | Method::Signed { .. } => true,
                }
        };
        self.current = self.current.filter(|number| {
            self.sessions
                .iter()
                .any(|s| s.number == *number && belongs(s))
        });
    }

    /// Marks what belongs to another run.
    pub(super) fn borrow_all(&mut self) {
        for session in &mut self.sessions {
            session.borrowed = true;
        }
    }

    /// Makes it the current one. A token that is there already stays the session that it is: leases depend on its number.
    pub(super) fn add(&mut self, mut session: Session, now: Timestamp) {
        let known = self
            .sessions
            .iter_mut()
            .find(|known| known.token == session.token);
        if let Some(known) = known {
            session.number = known.number;
            session.needed_until = known.needed_until;
            self.current = Some(known.number);
            *known = session;
        } else {
            session.number = self.next;
            self.next += 1;
            self.current = Some(session.number);
            self.sessions.push(session);
        }
        self.begun_at = Some(now);
    }

    /// Whether the current session was begun no longer ago than this.
    pub(super) fn is_fresh(&self, age: Duration, now: Timestamp) -> bool {
        self.begun_at
            .is_some_and(|begun_at| left(begun_at, now) < age)
    }

    pub(super) fn current_mut(&mut self) -> Option<&mut Session> {
        self.session_mut(self.current?)
    }

    pub(super) fn session_mut(&mut self, number: u64) -> Option<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.number == number)
    }

    /// Takes away all whose time is over; says whether there were any.
    pub(super) fn bury_dead(&mut self, now: Timestamp) -> bool {
        let sessions = self.sessions.iter();
        let dead: Vec<u64> = sessions
            .filter(|session| !session.is_alive(now))
            .map(|session| session.number)
            .collect();
        for number in &dead {
            self.bury(*number, now);
        }
        !dead.is_empty()
    }

    /// Takes a session away that Vault no longer knows, and says what that means.
    pub(super) fn bury(&mut self, number: u64, now: Timestamp) {
        let Some(at) = self
            .sessions
            .iter()
            .position(|session| session.number == number)
        else {
            return;
        };
        let session = self.sessions.remove(at);
        if self.current == Some(number) {
            self.current = None;
        }
        if session.borrowed {
            return;
        }
        if session.is_needed(now) {
            tracing::error!(
                "the token that the plugin was logged in with is dead: every dynamic secret that was made with it is dead too. \
                 Workspaces that use one must be restarted; find out who revoked the token, or why it was not renewed"
            );
        } else {
            tracing::info!("the token of the last login has ended; logging in again");
        }
    }
}

impl Session {
    pub(super) fn of_login(auth: Auth, identity: String, now: Timestamp) -> Self {
        let ttl = Duration::from_secs(auth.lease_duration);
        Self {
            number: 0,
            token: auth.client_token,
            policies: auth.policies,
            identity,
            renewable: auth.renewable,
            ends_at: (!ttl.is_zero()).then(|| after(now, ttl)),
            ttl: auth.lease_duration,
            needed_until: None,
            fading: false,
            borrowed: false,
            try_at: None,
            asked_until: None,
        }
    }

    pub(super) fn of_token(
        token: Zeroizing<String>,
        own: OwnToken,
        identity: String,
        now: Timestamp,
    ) -> Self {
        Self {
            number: 0,
            token,
            policies: own.policies,
            identity,
            renewable: own.renewable,
            ends_at: (own.ttl > 0).then(|| after(now, Duration::from_secs(own.ttl))),
            ttl: own.creation_ttl.max(own.ttl),
            needed_until: None,
            fading: false,
            borrowed: false,
            try_at: None,
            asked_until: None,
        }
    }

    pub(super) fn ticket(&self) -> Ticket {
        let usable_until = match (self.renew_at(), self.ends_at) {
            (Some(at), _) => Some(at),
            (None, Some(end)) => Some(before(end, self.last_part())),
            (None, None) => None,
        };
        Ticket {
            session: self.number,
            token: self.token.clone(),
            policies: self.policies.clone(),
            usable_until,
        }
    }

    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    /// Whether the plugin logged in for it. What the operator gave is his to revoke.
    pub(super) fn is_ours(&self) -> bool {
        self.identity != GIVEN && !self.borrowed
    }

    /// What the token says of itself goes before what was noted.
    pub(super) fn learn(&mut self, own: OwnToken, now: Timestamp) {
        self.ends_at = (own.ttl > 0).then(|| after(now, Duration::from_secs(own.ttl)));
        self.renewable = own.renewable;
        self.policies = own.policies;
    }

    /// Whether new requests may be made with it. One that comes to its end is left to what depends on it, if there can be another.
    pub(super) fn may_start_work(&self, now: Timestamp) -> bool {
        !(self.fading && self.is_ours())
            && self
                .ends_at
                .is_none_or(|end| now < before(end, self.last_part()))
    }

    pub(super) fn is_needed(&self, now: Timestamp) -> bool {
        self.needed_until.is_some_and(|end| now < end)
    }

    pub(super) fn can_be_renewed(&self) -> bool {
        self.renewable && !self.fading && !self.borrowed && self.ends_at.is_some()
    }

    /// The end that no renewal puts off.
    pub(super) fn final_end(&self) -> Option<Timestamp> {
        self.ends_at.filter(|_| !self.can_be_renewed())
    }

    /// When it is time to renew it: a third before its end.
    pub(super) fn renew_at(&self) -> Option<Timestamp> {
        let end = self.ends_at.filter(|_| self.can_be_renewed())?;
        let at = before(end, Duration::from_secs(self.ttl) / 3);
        Some(self.try_at.map_or(at, |try_at| at.max(try_at)))
    }

    /// Whether a renewal now may make it live until `end`, which it does not do yet.
    pub(super) fn could_reach(&self, end: Timestamp) -> bool {
        self.can_be_renewed()
            && self.ends_at.is_some_and(|ends_at| ends_at < end)
            && self.asked_until.is_none_or(|asked| asked < end)
    }

    /// For how long it should live at least.
    pub(super) fn wanted(&self, now: Timestamp) -> Duration {
        let needed = self
            .needed_until
            .map_or(Duration::ZERO, |end| left(now, end));
        needed.max(Duration::from_secs(self.ttl))
    }

    /// Whether that was news. It is noted with a quarter more, so that not each of many leases is.
    pub(super) fn need_until(&mut self, end: Timestamp, now: Timestamp) -> bool {
        if self.needed_until.is_some_and(|known| known >= end) {
            return false;
        }
        self.needed_until = Some(after(end, left(now, end) / 4));
        true
    }

    fn last_part(&self) -> Duration {
        Duration::from_secs(self.ttl) / LAST_PART
    }
}
