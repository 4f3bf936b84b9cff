//! Infisical: a machine identity logs in (Universal Auth), and lists the secrets of one path of an environment.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    outside::{Outside, Request},
    percent::encoded,
};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{Answer, Asked, client::Client};
use crate::{
    config,
    document::{Document, Lack},
};

const USUAL_BASE_URL: &str = "https://app.infisical.com";
const USUAL_PATH: &str = "/";

pub(crate) struct Infisical {
    client: Client,
    config: config::Infisical,
    login: Mutex<Option<Login>>,
}

/// An access token, and until when it is used.
#[derive(Clone)]
struct Login {
    token: Zeroizing<String>,
    until: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    access_token: Zeroizing<String>,
    expires_in: i64,
}

#[derive(Deserialize)]
struct Listed {
    secrets: Vec<Shown>,
    #[serde(default)]
    imports: Vec<Import>,
}

#[derive(Deserialize)]
struct Import {
    secrets: Vec<Shown>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    secret_key: String,
    secret_value: Zeroizing<String>,
    #[serde(default)]
    secret_value_hidden: bool,
}

impl Infisical {
    pub(super) fn new(config: config::Infisical) -> Result<Self, Fault> {
        let base_url = config.base_url.as_deref().unwrap_or(USUAL_BASE_URL);
        Ok(Self {
            client: Client::new("Infisical", base_url, "/infisical/base_url", "/message")?,
            config,
            login: Mutex::default(),
        })
    }

    pub(super) fn name(&self) -> String {
        self.client.service.to_string()
    }

    pub(super) async fn check<O: Outside>(
        &self,
        outside: &O,
        limit: Duration,
    ) -> Result<(), Fault> {
        self.log_in(outside, limit).await.map(drop)
    }

    /// Logs in again, once, if the token is refused: it may have been revoked, and the identity still be good.
    pub(super) async fn fetch<O: Outside>(
        &self,
        outside: &O,
        asked: &Asked<'_>,
    ) -> Result<Answer, Fault> {
        let kept = self
            .login()
            .clone()
            .filter(|login| outside.now() < login.until);
        let response = match kept {
            Some(login) => self.list(outside, &login.token, asked.limit).await?,
            None => {
                let token = self.log_in(outside, asked.limit).await?;
                let response = self.list(outside, &token, asked.limit).await?;
                return self.document(&response, asked.names);
            }
        };
        if response.status() != 401 {
            return self.document(&response, asked.names);
        }
        let token = self.log_in(outside, asked.limit).await?;
        let response = self.list(outside, &token, asked.limit).await?;
        self.document(&response, asked.names)
    }

    async fn log_in<O: Outside>(
        &self,
        outside: &O,
        limit: Duration,
    ) -> Result<Zeroizing<String>, Fault> {
        let url = format!("{}/api/v1/auth/universal-auth/login", self.client.base);
        let body = json!({ "clientId": self.config.client_id, "clientSecret": *self.config.client_secret });
        let request = Request::post(url).json(&body)?;
        let response = self.client.exchange(outside, request, limit).await?;
        let logged_in: LoggedIn = self.client.read(&response)?;
        let token = logged_in.access_token;
        *self.login() = Some(Login {
            token: token.clone(),
            // Well before its end: a listing must not begin with a token that dies on the way.
            until: outside.now() + SignedDuration::from_secs(logged_in.expires_in * 4 / 5),
        });
        Ok(token)
    }

    async fn list<O: Outside>(
        &self,
        outside: &O,
        token: &str,
        limit: Duration,
    ) -> Result<Response, Fault> {
        let config = &self.config;
        let url = format!(
            "{}/api/v4/secrets?projectId={}&environment={}&secretPath={}&viewSecretValue=true&expandSecretReferences=true&includeImports=true",
            self.client.base,
            encoded(&config.project_id),
            encoded(&config.environment),
            encoded(config.secret_path.as_deref().unwrap_or(USUAL_PATH)),
        );
        let request = Request::get(url).bearer(token);
        self.client.exchange(outside, request, limit).await
    }

    /// The path's own secrets go over imported ones, and of imports the last.
    fn document(&self, response: &Response, names: &[String]) -> Result<Answer, Fault> {
        let listed: Listed = self.client.read(response)?;
        let imported = listed.imports.into_iter().flat_map(|import| import.secrets);
        let mut shown: BTreeMap<String, Shown> = BTreeMap::new();
        for secret in imported.chain(listed.secrets) {
            shown.insert(secret.secret_key.clone(), secret);
        }
        let mut document = Document::default();
        for name in names {
            let found = match shown.remove(name) {
                Some(secret) if secret.secret_value_hidden => Err(Lack::Denied),
                Some(secret) => Ok(secret.secret_value),
                None => Err(Lack::NotFound),
            };
            document.add(name, found);
        }
        Ok(Answer::New(Arc::new(document)))
    }

    fn login(&self) -> MutexGuard<'_, Option<Login>> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
