//! A way to a token: somebody who can get one, and whom they then act as.

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    outside::{Outside, Request},
    service::Service,
};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{AccessToken, External, Machine, Person, SCOPE, ServiceAccount, oauth};
use crate::refusal::Refusal;

/// Somebody, and the accounts to act as, one after another.
#[derive(Debug)]
pub struct Source {
    pub(super) base: Base,
    pub(super) then: Vec<Acting>,
}

/// Who can get a token by themselves.
#[derive(Debug)]
pub enum Base {
    /// A service account with a key.
    ServiceAccount(ServiceAccount),
    /// A person who logged in once.
    Person(Person),
    /// An identity pool's member.
    External(External),
    /// The machine.
    Machine(Machine),
}

/// An account to act as.
#[derive(Debug)]
pub(super) struct Acting {
    /// `…/serviceAccounts/EMAIL:generateAccessToken`.
    pub(super) url: String,
    pub(super) delegates: Vec<String>,
    pub(super) seconds: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    access_token: Zeroizing<String>,
    expire_time: Timestamp,
}

impl Source {
    /// A new token.
    ///
    /// # Errors
    /// What is missing, refused or unreachable.
    pub async fn token<O: Outside>(&self, outside: &O) -> Result<AccessToken, Fault> {
        let mut token = match &self.base {
            Base::ServiceAccount(account) => account.token(outside).await,
            Base::Person(person) => person.token(outside).await,
            Base::External(external) => external.token(outside).await,
            Base::Machine(machine) => machine.token(outside).await,
        }?;
        for acting in &self.then {
            token = acting.token(outside, &token).await?;
        }
        Ok(token)
    }

    /// What it is called in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (&self.base, self.then.is_empty()) {
            (_, false) => "impersonated service account",
            (Base::ServiceAccount(_), true) => "service account",
            (Base::Person(_), true) => "authorized user",
            (Base::External(_), true) => "external account",
            (Base::Machine(_), true) => "metadata server",
        }
    }
}

impl Acting {
    /// # Errors
    /// A refusal, or no answer.
    async fn token<O: Outside>(&self, outside: &O, by: &AccessToken) -> Result<AccessToken, Fault> {
        let service = Service::new("Google IAM", self.url.as_str())
            .field("\"service_account_impersonation_url\"")
            .status_page("https://status.cloud.google.com");
        let question = json!({ "scope": [SCOPE], "delegates": self.delegates, "lifetime": format!("{}s", self.seconds) });
        let request = Request::post(self.url.as_str())
            .timeout(oauth::LIMIT)
            .bearer(&by.value)
            .json(&question)?;
        let response = outside.send(request).await?;
        let response = service.success(response, |response| {
            let refusal = Refusal::read(response).filter(|refusal| matches!(refusal.code, 400..=404))?;
            Some(Fault::config(format!(
                "{service} does not let these credentials act as that account (status {}){}; grant them roles/iam.serviceAccountTokenCreator on it, \
                 or roles/iam.workloadIdentityUser for an identity pool",
                refusal.code, refusal.quote()
            )))
        })?;
        let generated: Generated = service.read(&response)?;
        // The end is by Google's clock, which may be another; the life is the same on both.
        let life = outside
            .now()
            .saturating_add(jiff::SignedDuration::from_secs(self.seconds.cast_signed()));
        let expires_at = life.map_or(generated.expire_time, |life| {
            life.min(generated.expire_time)
        });
        Ok(AccessToken {
            value: generated.access_token,
            expires_at,
        })
    }
}
