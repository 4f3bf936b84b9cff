//! What a plugin needs of the world: the time, and an HTTP client. In production both are the host's ([`Hosted`]); in
//! tests they are a clock that a test sets and a real client (`Wire`, in the crate `provisionhook-provider-kit-testing`).

use std::{borrow::Cow, mem, time::Duration};

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::{Fault, Host};
use serde::Serialize;
use zeroize::Zeroizing;

/// An answer, whatever its status. Its body is wiped when it is dropped.
pub use provisionhook_plugin_abi::sdk::Response;

/// What [`Request::new`] takes for the longest answer.
pub const USUAL_MAX_RESPONSE_BYTES: u64 = 1024 * 1024;

/// The world outside of the plugin. Write what asks a service as generic over it.
pub trait Outside: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Waits.
    ///
    /// # Errors
    /// There is no clock to wait for.
    fn sleep(&self, duration: Duration) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sends a request and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// No answer came: `transient` unless it never can. The message names the host.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, Fault>> + Send;
}

/// A request. There is no `Debug`: it carries credentials.
///
/// ```
/// use provisionhook_provider_kit::outside::Request;
///
/// let request = Request::post("https://api.example.com/tokens")
///     .bearer("secret")
///     .header("accept", "application/json")
///     .json(&["contents"]).unwrap();
/// assert_eq!(&*request.body, br#"["contents"]"#);
/// ```
#[must_use = "a request is sent by `Outside::send`"]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The whole URL. It holds no secret: URLs end up in logs.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(Cow<'static, str>, Zeroizing<String>)>,
    /// Empty for none.
    pub body: Zeroizing<Vec<u8>>,
    /// For the whole exchange; none stands for 8 s. The host cuts it down to its own limit in any case.
    pub timeout: Option<Duration>,
    /// A longer answer is a `transient` fault.
    pub max_response_bytes: u64,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Zeroizing::default(),
            timeout: None,
            max_response_bytes: USUAL_MAX_RESPONSE_BYTES,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Adds a header; `name` is in lower case.
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: &str) -> Self {
        let value = Zeroizing::new(value.to_owned());
        self.headers.push((name.into(), value));
        self
    }

    /// Adds `Authorization: Bearer …`.
    pub fn bearer(mut self, token: &str) -> Self {
        let value = Zeroizing::new(format!("Bearer {token}"));
        self.headers.push(("authorization".into(), value));
        self
    }

    /// Sets the body and its content type.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: Zeroizing::new(body.into()),
            ..self.header("content-type", content_type)
        }
    }

    /// Sets a JSON body.
    ///
    /// # Errors
    /// An `internal` fault for a value that has no JSON form.
    pub fn json(self, body: &impl Serialize) -> Result<Self, Fault> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Fault::internal(format!("a request has no JSON form: {error}")))?;
        Ok(self.body("application/json", body))
    }

    /// Sets the limit for the whole exchange.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    /// Sets the length from which on an answer is a `transient` fault.
    pub fn max_response_bytes(self, max_response_bytes: u64) -> Self {
        Self {
            max_response_bytes,
            ..self
        }
    }
}

/// Less than the 10 s that a call may usually take: a service that hangs is then a `transient` fault, which skips the plugin, and
/// not a plugin that does not answer, which fails the workspace.
const PATIENCE: Duration = Duration::from_secs(8);

/// The host's clock and HTTP client, which keeps to the hosts that the operator granted.
#[derive(Clone, Debug)]
pub struct Hosted(pub Host);

impl Outside for Hosted {
    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.0.clock().now()).unwrap_or_default()
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Fault> {
        self.0.clock().sleep(duration).await
    }

    async fn send(&self, mut request: Request) -> Result<Response, Fault> {
        let http = self.0.http();
        let mut outgoing = http
            .request(request.method, &request.url)
            .max_response_bytes(request.max_response_bytes)
            .body(mem::take(&mut *request.body));
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value);
        }
        outgoing
            .timeout(request.timeout.unwrap_or(PATIENCE))
            .send()
            .await
    }
}
