//! A client of the platform's HTTP API.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;

use crate::world::World;

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) retry_after: Option<String>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The JSON body of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

/// How long a connection is kept for later: less than the platform keeps one that lies idle, or a request could be sent into a
/// connection that is just being closed.
const KEPT: Duration = Duration::from_secs(5);

/// A client that speaks plain HTTP.
pub(crate) fn client() -> Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder().no_proxy().pool_idle_timeout(KEPT);
    client.build().unwrap()
}

impl World {
    /// Sends one request; the body is JSON, or is meant to be taken for it.
    pub(crate) fn send(&self, method: Method, url: &str, bearer: &str, body: Vec<u8>) -> Answer {
        self.runtime
            .block_on(exchange(&self.client, method, url, bearer, body))
            .unwrap()
    }

    pub(crate) fn get(&self, url: &str, bearer: &str) -> Answer {
        self.send(Method::GET, url, bearer, Vec::new())
    }
}

/// # Errors
/// There was no whole answer.
pub(crate) async fn exchange(
    client: &Client,
    method: Method,
    url: &str,
    bearer: &str,
    body: Vec<u8>,
) -> reqwest::Result<Answer> {
    let response = client
        .request(method, url)
        .bearer_auth(bearer)
        .header("content-type", "application/json")
        .header("user-agent", "tests")
        .body(body)
        .send()
        .await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
    let bytes = response.bytes().await?;
    Ok(Answer {
        status,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        retry_after,
    })
}
