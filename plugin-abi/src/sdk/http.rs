//! `http/1`: requests through the host's client.

use std::{future::poll_fn, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::Fault;
use crate::ffi::Host;

/// The host's HTTP client. It reaches only the hosts that the manifest declares and the operator allows.
#[derive(Debug)]
pub struct Http<'h> {
    host: &'h Host,
}

impl<'h> Http<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// A `GET` of an absolute URL.
    pub fn get(&self, url: &str) -> Request<'h> {
        self.request("GET", url)
    }

    /// A `POST` to an absolute URL.
    pub fn post(&self, url: &str) -> Request<'h> {
        self.request("POST", url)
    }

    /// Any method.
    pub fn request(&self, method: &str, url: &str) -> Request<'h> {
        Request {
            host: self.host,
            parts: Ok(Parts {
                method: method.to_owned(),
                url: url.to_owned(),
                ..Parts::default()
            }),
        }
    }
}

/// A request that is being put together.
#[must_use = "a request is sent by `send`"]
pub struct Request<'h> {
    host: &'h Host,
    parts: Result<Parts, Fault>,
}

/// What a request is made of. Headers and body may hold secrets, so they are wiped.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_response_bytes: Option<u64>,
}

impl Request<'_> {
    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|parts| {
            parts
                .headers
                .push((name.to_owned(), Zeroizing::new(value.to_owned())))
        })
    }

    /// Adds `Authorization: Bearer …`.
    pub fn bearer(self, token: &str) -> Self {
        self.with(|parts| {
            parts.headers.push((
                "authorization".to_owned(),
                Zeroizing::new(format!("Bearer {token}")),
            ))
        })
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self.with(|parts| parts.body = Zeroizing::new(body))
    }

    /// Sets a JSON body, and its content type. A value that has no JSON form is an internal fault of [`send`](Self::send).
    pub fn json(self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => self.header("content-type", "application/json").body(body),
            Err(error) => Self {
                parts: Err(Fault::internal(format!(
                    "request body has no JSON form: {error}"
                ))),
                ..self
            },
        }
    }

    /// For the whole exchange. The host may cut it down.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|parts| parts.timeout = Some(timeout))
    }

    /// A longer response body is a `transient` fault. The host may cut it down.
    pub fn max_response_bytes(self, bytes: u64) -> Self {
        self.with(|parts| parts.max_response_bytes = Some(bytes))
    }

    /// Sends it, and waits for the whole response. A status of 400 and above is a response, not a fault.
    ///
    /// # Errors
    ///
    /// What the host says: `denied` for a host that is not granted, `transient` when no response came.
    pub async fn send(self) -> Result<Response, Fault> {
        let mut exchange = self.host.start_http(&self.parts?)?;
        poll_fn(|context| exchange.poll(context)).await
    }

    fn with(mut self, change: impl FnOnce(&mut Parts)) -> Self {
        if let Ok(parts) = &mut self.parts {
            change(parts);
        }
        self
    }
}

/// A response. Its body is wiped from memory when it is dropped, because it may hold a token.
#[derive(Default)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// A response as [`Request::send`] gives it, for tests of a plugin with a client of their own.
    pub fn new(
        status: u16,
        headers: impl IntoIterator<Item = (String, String)>,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            status,
            headers: headers.into_iter().collect(),
            body: Zeroizing::new(body.into()),
        }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, which is compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// A `transient` fault that names the place in the body, but shows nothing of it: it may hold a secret.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let expected = match error.classify() {
                serde_json::error::Category::Data => "the documented JSON fields",
                serde_json::error::Category::Io
                | serde_json::error::Category::Syntax
                | serde_json::error::Category::Eof => "JSON",
            };
            Fault::transient(format!(
                "expected {expected} in the response ({} bytes, status {}), found something else at line {} column {}",
                self.body.len(),
                self.status,
                error.line(),
                error.column(),
            ))
        })
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.parts.as_ref();
        f.debug_struct("Request")
            .field("method", &parts.map(|parts| &parts.method))
            .field("url", &parts.map(|parts| &parts.url))
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
