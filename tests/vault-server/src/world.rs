//! What a server starts with, as JSON: namespaces, policies, tokens, engines and logins.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::{database, github, login};
use crate::policy::Rules;
use crate::span;
use crate::ttl::Limits;

/// Everything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct World {
    /// Whether a request without `X-Vault-Request: true` is refused, as a Proxy can be told to.
    pub(crate) require_request_header: bool,
    pub(crate) quota: Option<Quota>,
    /// The root namespace is the one with no name.
    pub(crate) namespaces: BTreeMap<String, Namespace>,
}

/// A rate limit quota.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    pub(crate) requests: u32,
    pub(crate) seconds: u32,
}

/// A namespace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Namespace {
    pub(crate) policies: BTreeMap<String, Rules>,
    pub(crate) tokens: BTreeMap<String, TokenRole>,
    pub(crate) mounts: BTreeMap<String, Mount>,
    pub(crate) auth: BTreeMap<String, Auth>,
}

/// A secrets engine.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mount {
    /// Secrets by path.
    Kv1(BTreeMap<String, Map<String, Value>>),
    /// The first version of each secret by path.
    Kv2(BTreeMap<String, Map<String, Value>>),
    Database(database::Roles),
    Github(github::Setting),
}

/// A login.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auth {
    Approle(BTreeMap<String, login::approle::Role>),
    Kubernetes(login::kubernetes::Setting),
    Jwt(login::jwt::Setting),
}

/// What a role says of the tokens that it gives.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TokenRole {
    pub(crate) policies: Vec<String>,
    pub(crate) no_default_policy: bool,
    #[serde(deserialize_with = "span::deserialize")]
    pub(crate) ttl: Option<Duration>,
    #[serde(deserialize_with = "span::deserialize")]
    pub(crate) max_ttl: Option<Duration>,
    #[serde(deserialize_with = "span::deserialize")]
    pub(crate) period: Option<Duration>,
    #[serde(deserialize_with = "span::deserialize")]
    pub(crate) explicit_max_ttl: Option<Duration>,
    pub(crate) batch: bool,
    pub(crate) not_renewable: bool,
    pub(crate) num_uses: u32,
}

impl TokenRole {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            ttl: self.ttl,
            max_ttl: self.max_ttl,
            period: self.period,
            explicit_max_ttl: self.explicit_max_ttl,
        }
    }

    /// Its policies, with `default` unless it is root's or does without.
    pub(crate) fn all_policies(&self) -> Vec<String> {
        let mut policies = self.policies.clone();
        if !self.no_default_policy && !policies.iter().any(|policy| policy == "root") {
            policies.push("default".to_owned());
        }
        policies.sort();
        policies.dedup();
        policies
    }
}
