//! Leases of dynamic secrets: renewed by halves, revoked, expired, and gone with their token.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::random;
use crate::time::after;
use crate::tokens::Ended;
use crate::ttl::{self, Limits};

/// A dynamic secret and how long it works.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Such as `database/creds/app/…`; in a namespace with the namespace's id behind a dot.
    pub id: String,
    /// The namespace of the engine.
    pub namespace: String,
    /// The path that was read.
    pub path: String,
    /// The token that it was made with, and that it does not outlive.
    pub token: String,
    /// What the reader got.
    pub data: Value,
    /// When it was made.
    pub issued_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// How often it was renewed.
    pub renewals: u32,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
    pub(crate) renewable: bool,
    pub(crate) limits: Limits,
    /// The end of a batch token, beyond which no renewal goes.
    pub(crate) token_end: Option<Timestamp>,
    pub(crate) last_renewal: Option<Timestamp>,
    number: usize,
}

/// A dynamic secret that an engine has made.
pub(crate) struct Secret {
    pub(crate) data: Value,
    pub(crate) limits: Limits,
    pub(crate) renewable: bool,
}

/// Whose it is.
pub(crate) struct Owner<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) namespace_id: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: &'a str,
    pub(crate) token_end: Option<Timestamp>,
}

/// All leases that there ever were.
#[derive(Default)]
pub(crate) struct Leases {
    all: BTreeMap<String, Lease>,
}

impl Leases {
    /// Registers a secret; gives its lease, how long it lives and what Vault warns about.
    pub(crate) fn register(
        &mut self,
        secret: Secret,
        owner: &Owner<'_>,
        now: Timestamp,
    ) -> (String, Duration, Vec<String>) {
        let (ttl, warnings) = ttl::lifetime(secret.limits, None, now, now).unwrap_or_default();
        let mut id = format!("{}/{}", owner.path, random::text(24));
        if !owner.namespace.is_empty() {
            id = format!("{id}.{}", owner.namespace_id);
        }
        let end = capped(after(now, ttl), owner.token_end);
        let lease = Lease {
            id: id.clone(),
            namespace: owner.namespace.to_owned(),
            path: owner.path.to_owned(),
            token: owner.token.to_owned(),
            data: secret.data,
            issued_at: now,
            expires_at: end,
            renewals: 0,
            ended: None,
            renewable: secret.renewable,
            limits: secret.limits,
            token_end: owner.token_end,
            last_renewal: None,
            number: self.all.len(),
        };
        self.all.insert(id.clone(), lease);
        (id, crate::time::left(now, end), warnings)
    }

    pub(crate) fn alive(&self, id: &str) -> Option<&Lease> {
        self.all.get(id).filter(|lease| lease.ended.is_none())
    }

    /// Renews; gives the new length and warnings, or why not.
    pub(crate) fn renew(
        &mut self,
        id: &str,
        increment: Option<Duration>,
        now: Timestamp,
    ) -> Result<(Duration, Vec<String>), &'static str> {
        let lease = self
            .all
            .get_mut(id)
            .filter(|lease| lease.ended.is_none())
            .ok_or("lease not found")?;
        if !lease.renewable {
            return Err("lease is not renewable");
        }
        let (ttl, warnings) = ttl::lifetime(lease.limits, increment, lease.issued_at, now)
            .ok_or("past the max TTL, cannot renew")?;
        lease.expires_at = capped(after(now, ttl), lease.token_end);
        lease.last_renewal = Some(now);
        lease.renewals += 1;
        Ok((crate::time::left(now, lease.expires_at), warnings))
    }

    /// Ends a lease; one that is not there is as good as revoked.
    pub(crate) fn end(&mut self, id: &str, how: Ended) {
        if let Some(lease) = self.all.get_mut(id)
            && lease.ended.is_none()
        {
            lease.ended = Some(how);
        }
    }

    /// Ends those whose time is over, and those of tokens that ended.
    pub(crate) fn expire(&mut self, now: Timestamp, dead_tokens: &[String]) {
        for lease in self.all.values_mut().filter(|lease| lease.ended.is_none()) {
            if lease.expires_at <= now {
                lease.ended = Some(Ended::Expired);
            } else if dead_tokens.contains(&lease.token) {
                lease.ended = Some(Ended::WithToken);
            }
        }
    }

    /// All of them, in the order in which they were made.
    pub(crate) fn list(&self) -> Vec<Lease> {
        let mut all: Vec<Lease> = self.all.values().cloned().collect();
        all.sort_by_key(|lease| lease.number);
        all
    }
}

fn capped(end: Timestamp, limit: Option<Timestamp>) -> Timestamp {
    limit.map_or(end, |limit| end.min(limit))
}
