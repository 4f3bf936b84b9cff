//! Tokens: service and batch, with parents, uses and lifetimes.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::random;
use crate::time::after;
use crate::ttl::{self, Limits};

/// How a token or lease came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody revoked it.
    Revoked,
    /// Its time was over.
    Expired,
    /// The token that it belonged to came to its end.
    WithToken,
    /// It could be used so often and no more.
    UsedUp,
}

/// A token, alive or not.
#[derive(Clone, Debug)]
pub struct Token {
    /// What a client sends.
    pub id: String,
    /// A name for it that gives no power.
    pub accessor: String,
    /// Where it was made.
    pub namespace: String,
    /// The path that made it, such as `auth/approle/login`.
    pub path: String,
    /// What it may do.
    pub policies: Vec<String>,
    /// Whether it is a batch token, which can be neither renewed nor revoked.
    pub batch: bool,
    /// When it was made.
    pub issued_at: Timestamp,
    /// Until when it works; none for ever.
    pub expires_at: Option<Timestamp>,
    /// How often it was renewed.
    pub renewals: u32,
    /// How it ended, if it did.
    pub ended: Option<Ended>,
    pub(crate) parent: Option<String>,
    pub(crate) display_name: String,
    pub(crate) meta: BTreeMap<String, String>,
    pub(crate) creation_ttl: Duration,
    pub(crate) limits: Limits,
    pub(crate) renewable: bool,
    /// 0 for no limit.
    pub(crate) uses_left: u32,
    number: usize,
}

impl Token {
    pub(crate) fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }
}

/// What a token is made from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) id: Option<String>,
    pub(crate) namespace: String,
    pub(crate) path: String,
    pub(crate) parent: Option<String>,
    pub(crate) policies: Vec<String>,
    pub(crate) batch: bool,
    pub(crate) display_name: String,
    pub(crate) meta: BTreeMap<String, String>,
    pub(crate) limits: Limits,
    pub(crate) not_renewable: bool,
    pub(crate) uses: u32,
}

/// All tokens that were ever issued.
#[derive(Default)]
pub(crate) struct Tokens {
    all: BTreeMap<String, Token>,
}

impl Tokens {
    /// Issues a token, with the warnings that come with it.
    pub(crate) fn issue(&mut self, plan: Plan, now: Timestamp) -> (Token, Vec<String>) {
        let root_for_ever = plan.policies == ["root"] && plan.limits.ttl.is_none();
        let (ttl, warnings) = ttl::lifetime(plan.limits, None, now, now).unwrap_or_default();
        let prefix = if plan.batch { "hvb" } else { "hvs" };
        let token = Token {
            id: plan
                .id
                .unwrap_or_else(|| format!("{prefix}.{}", random::text(90))),
            accessor: if plan.batch {
                String::new()
            } else {
                random::text(24)
            },
            namespace: plan.namespace,
            path: plan.path,
            policies: plan.policies,
            batch: plan.batch,
            issued_at: now,
            expires_at: (!root_for_ever).then(|| after(now, ttl)),
            renewals: 0,
            ended: None,
            parent: plan.parent,
            display_name: plan.display_name,
            meta: plan.meta,
            creation_ttl: if root_for_ever { Duration::ZERO } else { ttl },
            limits: plan.limits,
            renewable: !(plan.batch || plan.not_renewable || root_for_ever),
            uses_left: plan.uses,
            number: self.all.len(),
        };
        self.all.insert(token.id.clone(), token.clone());
        (token, warnings)
    }

    /// A token that works.
    pub(crate) fn alive(&self, id: &str) -> Option<&Token> {
        self.all.get(id).filter(|token| token.ended.is_none())
    }

    pub(crate) fn alive_mut(&mut self, id: &str) -> Option<&mut Token> {
        self.all.get_mut(id).filter(|token| token.ended.is_none())
    }

    pub(crate) fn by_accessor(&self, accessor: &str) -> Option<&Token> {
        self.all
            .values()
            .find(|token| token.ended.is_none() && token.accessor == accessor)
    }

    /// All of them, in the order of issue.
    pub(crate) fn list(&self) -> Vec<Token> {
        let mut all: Vec<Token> = self.all.values().cloned().collect();
        all.sort_by_key(|token| token.number);
        all
    }

    /// Ends those whose time is over; gives the ids of all that ended by it.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<String> {
        let over = |token: &&Token| {
            token.ended.is_none() && token.expires_at.is_some_and(|end| end <= now)
        };
        let due: Vec<String> = self
            .all
            .values()
            .filter(over)
            .map(|token| token.id.clone())
            .collect();
        due.iter()
            .flat_map(|id| self.end(id, Ended::Expired))
            .collect()
    }

    /// Ends a token and all below it; gives the ids of all that ended by it.
    pub(crate) fn end(&mut self, id: &str, how: Ended) -> Vec<String> {
        let Some(token) = self.alive_mut(id) else {
            return Vec::new();
        };
        token.ended = Some(how);
        let children: Vec<String> = self
            .all
            .values()
            .filter(|token| token.parent.as_deref() == Some(id))
            .map(|token| token.id.clone())
            .collect();
        let mut ended = vec![id.to_owned()];
        for child in children {
            ended.extend(self.end(&child, Ended::WithToken));
        }
        ended
    }
}
