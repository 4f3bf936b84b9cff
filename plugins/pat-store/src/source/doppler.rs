//! Doppler: all secrets of a config that are wanted, in one download.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    outside::{Outside, Request},
    percent::encoded,
};
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::{Answer, Asked, client::Client};
use crate::{
    config,
    document::{Document, Lack},
};

const USUAL_BASE_URL: &str = "https://api.doppler.com";

pub(crate) struct Doppler {
    client: Client,
    token: Zeroizing<String>,
    /// `project=…&config=…&`, or nothing: a service token has them in itself.
    place: String,
}

impl Doppler {
    pub(super) fn new(config: config::Doppler) -> Result<Self, Fault> {
        let base_url = config.base_url.as_deref().unwrap_or(USUAL_BASE_URL);
        let place = match (&config.project, &config.config) {
            (Some(project), Some(config)) => {
                format!("project={}&config={}&", encoded(project), encoded(config))
            }
            (None, None) => String::new(),
            _ => {
                return Err(Fault::config(
                    "/doppler: expected both project and config, or neither with a service token, found one; add the other",
                ));
            }
        };
        Ok(Self {
            client: Client::new("Doppler", base_url, "/doppler/base_url", "/messages/0")?,
            token: config.token,
            place,
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
        let request = Request::get(format!("{}/v3/me", self.client.base)).bearer(&self.token);
        let response = self.client.exchange(outside, request, limit).await?;
        self.client.read::<IgnoredAny>(&response).map(drop)
    }

    pub(super) async fn fetch<O: Outside>(
        &self,
        outside: &O,
        asked: &Asked<'_>,
    ) -> Result<Answer, Fault> {
        let names = asked.names.join(",");
        let url = format!(
            "{}/v3/configs/config/secrets/download?{}format=json&secrets={}",
            self.client.base,
            self.place,
            encoded(&names)
        );
        let request = Request::get(url).bearer(&self.token);
        let Some(response) = self.client.changed(outside, request, asked).await? else {
            return Ok(Answer::Same);
        };
        let mut shown: BTreeMap<String, Zeroizing<String>> = self.client.read(&response)?;
        let mut document = Document {
            etag: response.header("etag").map(str::to_owned),
            ..Document::default()
        };
        for name in asked.names {
            document.add(name, shown.remove(name).ok_or(Lack::NotFound));
        }
        Ok(Answer::New(Arc::new(document)))
    }
}
