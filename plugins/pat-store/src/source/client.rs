//! What all services have in common: rate limits, what a refusal means, and that an answer may be the same as before.

use std::time::Duration;

use provisionhook_plugin_abi::sdk::{Fault, Response};
use provisionhook_provider_kit::{
    base_url::BaseUrl,
    limit::{Limit, Rules},
    outside::{Outside, Request},
    quote::quoted,
    service::Service,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Asked;

/// The longest that one request may take, whatever the caller's patience.
const MOST_PATIENCE: Duration = Duration::from_secs(5);

/// A service that answers in JSON.
pub(super) struct Client {
    pub(super) base: BaseUrl,
    pub(super) service: Service,
    limit: Limit,
    /// JSON pointer to the words for people in a refusal.
    words: &'static str,
}

impl Client {
    /// `field` is where the URL stands in the configuration.
    pub(super) fn new(
        name: &'static str,
        base_url: &str,
        field: &'static str,
        words: &'static str,
    ) -> Result<Self, Fault> {
        let base = BaseUrl::parse(base_url, field, "https://HOST")?;
        Ok(Self {
            service: Service::new(name, base.as_str()).field(field),
            base,
            limit: Limit::new(Rules {
                reset: Some("x-ratelimit-reset"),
                remaining: Some("x-ratelimit-remaining"),
                ..Rules::default()
            }),
            words,
        })
    }

    /// Sends a request, unless the service wants to be left alone.
    ///
    /// # Errors
    /// No answer, or a rate limit. Every other status is an answer.
    pub(super) async fn exchange<O: Outside>(
        &self,
        outside: &O,
        request: Request,
        limit: Duration,
    ) -> Result<Response, Fault> {
        self.limit.check(&self.service, outside.now())?;
        let request = request
            .header("accept", "application/json")
            .header(
                "user-agent",
                concat!("provisionhook-pat-store/", env!("CARGO_PKG_VERSION")),
            )
            .timeout(limit.min(MOST_PATIENCE));
        let response = outside.send(request).await?;
        tracing::debug!(
            service = self.service.name(),
            status = response.status(),
            "answered"
        );
        if self.limit.is_reached(&response, &self.words(&response)) {
            return Err(self.limit.reached(&self.service, &response, outside.now()));
        }
        Ok(response)
    }

    /// Sends a request for what may be as it was before; then there is no answer.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange).
    pub(super) async fn changed<O: Outside>(
        &self,
        outside: &O,
        mut request: Request,
        asked: &Asked<'_>,
    ) -> Result<Option<Response>, Fault> {
        if let Some(etag) = asked.before.and_then(|before| before.etag.as_deref()) {
            request = request.header("if-none-match", etag);
        }
        let response = self.exchange(outside, request, asked.limit).await?;
        let same = response.status() == 304 && asked.before.is_some();
        Ok((!same).then_some(response))
    }

    /// Reads an answer, or says what its status means.
    ///
    /// # Errors
    /// Every status but 2xx, or other JSON than the documented.
    pub(super) fn read<T: DeserializeOwned>(&self, response: &Response) -> Result<T, Fault> {
        if response.is_success() {
            return self.service.read(response);
        }
        Err(self.refused(response))
    }

    /// What a status means. A 403 is the operator's to mend: the credentials are the plugin's, and no workspace's own.
    pub(super) fn refused(&self, response: &Response) -> Fault {
        let quote = quoted(&self.words(response));
        match response.status() {
            403 => Fault::config(format!(
                "{} knows the credentials and refuses this (status 403){quote}; grant it there",
                self.service
            )),
            _ => self.service.usual_fault(response, &quote),
        }
    }

    /// The service's words for people; empty if there are none.
    pub(super) fn words(&self, response: &Response) -> String {
        if response.is_success() {
            return String::new();
        }
        let body: Option<Value> = serde_json::from_slice(response.body()).ok();
        let words = body.as_ref().and_then(|body| body.pointer(self.words));
        words.and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}
