//! A store of your own that speaks the contract of `docs/plugins/pat-store-http.md`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    outside::{Outside, Request},
    percent::encoded,
    quote::quoted,
};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Answer, Asked, client::Client};
use crate::{
    config::{self, ScopeOf},
    document::{Document, Entry, Lack},
};

pub(crate) struct Http {
    client: Client,
    token: Zeroizing<String>,
    scope: ScopeOf,
}

#[derive(Deserialize)]
struct Shown {
    secrets: BTreeMap<String, Entry>,
    #[serde(default)]
    errors: BTreeMap<String, String>,
}

impl Http {
    pub(super) fn new(config: config::Http) -> Result<Self, Fault> {
        Ok(Self {
            client: Client::new(
                "the store",
                &config.base_url,
                "/http/base_url",
                "/error/message",
            )?,
            token: config.token,
            scope: config.scope,
        })
    }

    pub(super) fn scope_of(&self) -> ScopeOf {
        self.scope
    }

    pub(super) fn name(&self) -> String {
        self.client.service.to_string()
    }

    pub(super) async fn check<O: Outside>(
        &self,
        outside: &O,
        limit: Duration,
    ) -> Result<(), Fault> {
        let request = self.request("names=");
        let response = self.client.exchange(outside, request, limit).await?;
        if response.is_success() {
            return Ok(());
        }
        Err(self.client.refused(&response))
    }

    pub(super) async fn fetch<O: Outside>(
        &self,
        outside: &O,
        asked: &Asked<'_>,
    ) -> Result<Answer, Fault> {
        let mut query = Vec::new();
        for (key, value) in [
            ("tenant", &asked.scope.tenant),
            ("workspace", &asked.scope.workspace),
        ] {
            if !value.is_empty() {
                query.push(format!("{key}={}", encoded(value)));
            }
        }
        query.push(format!("names={}", encoded(&asked.names.join(","))));
        let request = self.request(&query.join("&"));
        let Some(response) = self.client.changed(outside, request, asked).await? else {
            return Ok(Answer::Same);
        };
        if response.status() == 403 {
            return Err(self.denied(&response));
        }
        self.document(&response, asked.names)
            .map(|document| Answer::New(Arc::new(document)))
    }

    /// The store knows us, and says that this tenant or workspace may not.
    fn denied(&self, response: &Response) -> Fault {
        Fault::denied(format!(
            "{} refuses this tenant or workspace (status 403){}; grant it there",
            self.client.service,
            quoted(&self.client.words(response))
        ))
    }

    fn request(&self, query: &str) -> Request {
        Request::get(format!("{}/v1/secrets?{query}", self.client.base)).bearer(&self.token)
    }

    fn document(&self, response: &Response, names: &[String]) -> Result<Document, Fault> {
        let shown: Shown = self.client.read(response)?;
        let missing = names
            .iter()
            .find(|name| !shown.secrets.contains_key(*name) && !shown.errors.contains_key(*name));
        if let Some(name) = missing {
            return Err(Fault::transient(format!(
                "expected `{name}` among the secrets or the errors of {}, found it in neither; the store does not keep to its contract",
                self.client.service
            )));
        }
        let lack = |code: &str| match code {
            "denied" => Lack::Denied,
            _ => Lack::NotFound,
        };
        Ok(Document {
            secrets: shown.secrets,
            lacks: shown
                .errors
                .into_iter()
                .map(|(name, code)| (name, lack(&code)))
                .collect(),
            etag: response.header("etag").map(str::to_owned),
        })
    }
}
