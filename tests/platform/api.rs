//! A client of the platform's HTTP API.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::world::World;

/// What came back, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) retry_after: Option<String>,
    /// Whether it says that the request was made before.
    pub(crate) is_replayed: bool,
}

impl Answer {
    /// One that ended with its connection.
    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        Self {
            status: status.parse().unwrap(),
            text: body.to_owned(),
            retry_after: None,
            is_replayed: false,
        }
    }

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
    let request = client
        .request(method, url)
        .bearer_auth(bearer)
        .header("content-type", "application/json")
        .header("user-agent", "tests");
    answer(request.body(body)).await
}

/// # Errors
/// There was no whole answer.
pub(crate) async fn answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let retry_after = header("retry-after");
    let is_replayed = header("idempotency-replayed").is_some();
    let bytes = response.bytes().await?;
    Ok(Answer {
        status,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        retry_after,
        is_replayed,
    })
}
