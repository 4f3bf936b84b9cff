//! What the plugin needs of the world: the time, and an HTTP client. In production both are the host's.

use jiff::Timestamp;
use zeroize::Zeroizing;

use provisionhook_plugin_abi::sdk::Fault;

/// The world outside of the plugin.
pub trait Outside: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Sends a request and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// No answer came; `transient` unless it never can.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, Fault>> + Send;
}

/// A request. There is no `Debug`: it carries the App's credentials.
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, Zeroizing<String>)>,
    /// JSON; none for a `GET`.
    pub body: Option<Vec<u8>>,
    /// A longer answer is a `transient` fault.
    pub max_response_bytes: u64,
}

/// An answer. There is no `Debug`: it may carry a token.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What `date` said.
    pub date: Option<String>,
    /// What `retry-after` said.
    pub retry_after: Option<String>,
    /// What `x-ratelimit-remaining` said.
    pub limit_remaining: Option<String>,
    /// What `x-ratelimit-reset` said.
    pub limit_reset: Option<String>,
    /// The whole body.
    pub body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// Keeps of an answer what matters here; `header` finds a header's value by its name in lower case.
    pub fn new(
        status: u16,
        header: impl Fn(&str) -> Option<String>,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            status,
            date: header("date"),
            retry_after: header("retry-after"),
            limit_remaining: header("x-ratelimit-remaining"),
            limit_reset: header("x-ratelimit-reset"),
            body: Zeroizing::new(body.into()),
        }
    }
}
