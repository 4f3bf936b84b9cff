//! Everything that Vault knows, and how a request goes through it: token, policy, engine, lease, wrapping.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::answer::{Answer, Envelope};
use crate::builder::StartError;
use crate::engine::{Call, Engine, Reply};
use crate::leases::{Leases, Owner};
use crate::policy::{self, Rules};
use crate::refusal::Refusal;
use crate::request::{Operation, Request};
use crate::time::shown;
use crate::tokens::{Ended, Plan, Token, Tokens};
use crate::wrapping::Wrapped;
use crate::{auth_token, random, sys, world};

/// The state. One request at a time has it to itself.
pub(crate) struct Vault {
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    pub(crate) tokens: Tokens,
    pub(crate) leases: Leases,
    pub(crate) wrapped: BTreeMap<String, Wrapped>,
}

/// A namespace with what is mounted in it.
pub(crate) struct Namespace {
    /// What stands behind the dot in the ids of its leases.
    pub(crate) id: String,
    pub(crate) policies: BTreeMap<String, Rules>,
    /// By the mount's path; logins are under `auth/`.
    pub(crate) mounts: BTreeMap<String, Engine>,
}

impl Vault {
    /// # Errors
    /// A public key that is none.
    pub(crate) fn new(
        namespaces: BTreeMap<String, world::Namespace>,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let mut vault = Self {
            namespaces: BTreeMap::new(),
            tokens: Tokens::default(),
            leases: Leases::default(),
            wrapped: BTreeMap::new(),
        };
        for (name, setting) in namespaces {
            vault.add(name.trim_matches('/').to_owned(), setting, now)?;
        }
        Ok(vault)
    }

    fn add(
        &mut self,
        name: String,
        setting: world::Namespace,
        now: Timestamp,
    ) -> Result<(), StartError> {
        let slashed = |path: &str| format!("{}/", path.trim_matches('/'));
        let mut mounts = BTreeMap::new();
        for (path, mount) in setting.mounts {
            mounts.insert(slashed(&path), Engine::of_mount(mount, now));
        }
        for (path, auth) in setting.auth {
            mounts.insert(format!("auth/{}", slashed(&path)), Engine::of_auth(auth)?);
        }
        for (id, role) in setting.tokens {
            let plan = Plan {
                id: Some(id),
                namespace: name.clone(),
                path: "auth/token/create".to_owned(),
                display_name: "token".to_owned(),
                ..plan_of(&role)
            };
            self.tokens.issue(plan, now);
        }
        let namespace = Namespace {
            id: random::text(5),
            policies: setting.policies,
            mounts,
        };
        self.namespaces.insert(name, namespace);
        Ok(())
    }

    /// The whole way of a request.
    pub(crate) fn handle(
        &mut self,
        mut request: Request,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        self.expire(now);
        self.take_namespace_off_the_path(&mut request)?;
        let answer = self.dispatch(&request, now)?;
        match request.wrap_ttl {
            Some(ttl) if !ttl.is_zero() => Ok(self.wrap(answer, &request, ttl, now)),
            _ => Ok(answer),
        }
    }

    pub(crate) fn expire(&mut self, now: Timestamp) {
        let dead = self.tokens.expire(now);
        self.leases.expire(now, &dead);
    }

    /// `team/secret/…` in the root namespace is `secret/…` in the namespace `team`.
    fn take_namespace_off_the_path(&self, request: &mut Request) -> Result<(), Refusal> {
        let unknown = |path: &str| {
            Refusal::new(
                StatusCode::NOT_FOUND,
                format!("no handler for route \"{path}\". route entry not found."),
            )
        };
        if !self.namespaces.contains_key(&request.namespace) {
            return Err(unknown(&request.path));
        }
        let full = format!("{}/{}", request.namespace, request.path);
        let full = full.trim_start_matches('/');
        let deepest = self
            .namespaces
            .keys()
            .filter(|name| name.is_empty() || full.starts_with(&format!("{name}/")))
            .max_by_key(|name| name.len());
        let namespace = deepest.ok_or_else(|| unknown(&request.path))?;
        let path = full[namespace.len()..].trim_start_matches('/').to_owned();
        (request.namespace, request.path) = (namespace.clone(), path);
        Ok(())
    }

    fn dispatch(&mut self, request: &Request, now: Timestamp) -> Result<Answer, Refusal> {
        if let Some(answer) = sys::without_policy(self, request, now) {
            return answer;
        }
        if let Some(answer) = self.login(request, now) {
            return answer;
        }
        let token = self.authenticate(request)?;
        if !self.may(&token, request, request.operation.needs()) {
            return Err(Refusal::denied());
        }
        let answer = self.serve(&token, request, now);
        self.use_up(&token);
        answer
    }

    /// The token of a request, if it works in its namespace.
    pub(crate) fn authenticate(&self, request: &Request) -> Result<Token, Refusal> {
        let token = request.token.as_deref().ok_or_else(Refusal::denied)?;
        let token = self.tokens.alive(token).ok_or_else(Refusal::denied)?;
        if relative(&token.namespace, &request.namespace).is_none() {
            return Err(Refusal::denied());
        }
        Ok(token.clone())
    }

    pub(crate) fn rules_of(&self, token: &Token) -> Vec<Rules> {
        let known = self
            .namespaces
            .get(&token.namespace)
            .map(|namespace| &namespace.policies);
        token
            .policies
            .iter()
            .filter_map(|name| match known.and_then(|known| known.get(name)) {
                Some(rules) => Some(rules.clone()),
                None if name == "default" => Some(policy::default_rules()),
                None => None,
            })
            .collect()
    }

    fn may(&self, token: &Token, request: &Request, wanted: &[policy::Capability]) -> bool {
        let prefix = relative(&token.namespace, &request.namespace).unwrap_or_default();
        let path = format!("{prefix}{}", request.path);
        token.is_root() || policy::allows(&self.rules_of(token), &path, wanted)
    }

    fn login(&mut self, request: &Request, now: Timestamp) -> Option<Result<Answer, Refusal>> {
        let (mount, rest) = self.mount_of(request)?;
        if rest != "login" {
            return None;
        }
        let engine = self
            .namespaces
            .get_mut(&request.namespace)?
            .mounts
            .get_mut(&mount)?;
        let call = Call {
            request,
            path: "login",
            display_name: "",
            now,
        };
        let login = engine.login(&call)?;
        if request.operation != Operation::Update {
            return Some(Err(Refusal::unsupported_operation()));
        }
        Some(login.map(|login| {
            let plan = Plan {
                namespace: request.namespace.clone(),
                path: request.path.clone(),
                display_name: login.display_name,
                meta: login.meta,
                ..plan_of(&login.role)
            };
            let (token, warnings) = self.tokens.issue(plan, now);
            auth_token::answer(&token, warnings)
        }))
    }

    fn serve(
        &mut self,
        token: &Token,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        if let Some(path) = request.path.strip_prefix("auth/token/") {
            return auth_token::handle(self, token, path, request, now);
        }
        if let Some(path) = request.path.strip_prefix("sys/") {
            return sys::handle(self, path, request, now);
        }
        let (mount, path) = self.mount_of(request).ok_or_else(|| {
            Refusal::new(
                StatusCode::NOT_FOUND,
                format!(
                    "no handler for route \"{}\". route entry not found.",
                    request.path
                ),
            )
        })?;
        let namespace = self
            .namespaces
            .get_mut(&request.namespace)
            .ok_or_else(Refusal::unsupported_path)?;
        let engine = namespace
            .mounts
            .get_mut(&mount)
            .ok_or_else(Refusal::unsupported_path)?;
        let call = Call {
            request,
            path: &path,
            display_name: &token.display_name,
            now,
        };
        match engine.handle(&call)? {
            Reply::Answer(answer) => Ok(answer),
            Reply::Leased(secret) => {
                let owner = Owner {
                    namespace: &request.namespace,
                    namespace_id: &namespace.id,
                    path: &request.path,
                    token: &token.id,
                    token_end: token.expires_at.filter(|_| token.batch),
                };
                let (data, renewable) = (secret.data.clone(), secret.renewable);
                let (lease_id, length, warnings) = self.leases.register(secret, &owner, now);
                Ok(Answer::of(Envelope {
                    lease_id,
                    lease_seconds: shown(length),
                    renewable,
                    data,
                    warnings,
                    ..Envelope::default()
                }))
            }
        }
    }

    /// The mount that a request is for, and the path behind it.
    pub(crate) fn mount_of(&self, request: &Request) -> Option<(String, String)> {
        let mounts = &self.namespaces.get(&request.namespace)?.mounts;
        let mount = mounts
            .keys()
            .filter(|mount| request.path.starts_with(*mount))
            .max_by_key(|mount| mount.len())?;
        Some((mount.clone(), request.path[mount.len()..].to_owned()))
    }

    fn use_up(&mut self, token: &Token) {
        let Some(known) = self.tokens.alive_mut(&token.id) else {
            return;
        };
        match known.uses_left {
            0 => {}
            1 => self.end_token(&token.id, Ended::UsedUp),
            more => known.uses_left = more - 1,
        }
    }

    pub(crate) fn set_policy(&mut self, name: &str, rules: Rules) {
        if let Some(root) = self.namespaces.get_mut("") {
            root.policies.insert(name.to_owned(), rules);
        }
    }

    pub(crate) fn write_kv2(&mut self, mount: &str, path: &str, data: Value, now: Timestamp) {
        if let (Some(Engine::Kv2(engine)), Value::Object(data)) = (self.root_mount(mount), data) {
            engine.put(path, data, now);
        }
    }

    pub(crate) fn kv2(&mut self, mount: &str, path: &str) -> Value {
        match self.root_mount(mount) {
            Some(Engine::Kv2(engine)) => engine.newest(path),
            _ => Value::Null,
        }
    }

    fn root_mount(&mut self, mount: &str) -> Option<&mut Engine> {
        self.namespaces.get_mut("")?.mounts.get_mut(mount)
    }

    /// Ends a token with its children and leases.
    pub(crate) fn end_token(&mut self, id: &str, how: Ended) {
        let dead = self.tokens.end(id, how);
        self.leases.expire(Timestamp::MIN, &dead);
    }
}

/// Where a namespace lies below a token's: with a slash at the end, or empty for the same; none if it lies elsewhere.
fn relative<'n>(of_token: &str, of_request: &'n str) -> Option<String> {
    let rest: &'n str = of_request.strip_prefix(of_token)?;
    match (of_token.is_empty(), rest) {
        (_, "") => Some(String::new()),
        (true, rest) => Some(format!("{rest}/")),
        (false, rest) => rest.strip_prefix('/').map(|rest| format!("{rest}/")),
    }
}

/// What a role says of a token; the rest is the caller's to say.
pub(crate) fn plan_of(role: &world::TokenRole) -> Plan {
    Plan {
        policies: role.all_policies(),
        batch: role.batch,
        limits: role.limits(),
        not_renewable: role.not_renewable,
        uses: role.num_uses,
        ..Plan::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reaches_its_own_namespace_and_those_below() {
        for (token, request, expected) in [
            ("", "", Some("")),
            ("", "team", Some("team/")),
            ("team", "team", Some("")),
            ("team", "team/a", Some("a/")),
            ("team", "", None),
            ("team", "teams", None),
            ("team", "other", None),
        ] {
            assert_eq!(
                relative(token, request).as_deref(),
                expected,
                "{token} {request}"
            );
        }
    }
}
