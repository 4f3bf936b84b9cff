//! Outgoing HTTP for plugins: one TLS stack, one proxy and one set of authorities for all of them; each plugin reaches
//! only the hosts that it was granted.

mod exchange;
mod failure;
mod grants;
mod name;
mod request;
mod setup;

use std::{path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use crate::{fault::Fault, secret::Secret};

pub use grants::{HostGrants, HostPattern, HostPatternError};
pub use setup::HttpSetupError;

/// What the operator says about outgoing requests. Nothing is read from the process's environment.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// URL of the proxy for all requests, with user and password if it wants them.
    pub proxy: Option<Secret>,
    /// Hosts, suffixes and networks that are reached without the proxy.
    pub no_proxy: Vec<String>,
    /// PEM file with certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// A Unix socket to which all requests go, whatever host they name; for the platform's own clients.
    pub unix_socket: Option<PathBuf>,
    /// To open a connection.
    pub connect_timeout: Duration,
    /// For a whole exchange, redirects and body included. A request may ask for less, not for more.
    pub timeout: Duration,
    /// The longest response body. A request may ask for less, not for more.
    pub max_response_bytes: u64,
    /// How many requests may be under way at once; more of them wait.
    pub max_concurrent: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            proxy: None,
            no_proxy: Vec::new(),
            ca_file: None,
            unix_socket: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            max_response_bytes: 10 * 1024 * 1024,
            max_concurrent: 256,
        }
    }
}

/// One request. There is no `Debug`: URL, headers and body may hold secrets.
#[derive(Clone, Default)]
pub struct HttpRequest {
    /// `GET`, `POST`, …; not `CONNECT` or `TRACE`.
    pub method: String,
    /// Absolute, `http` or `https`, without user or password.
    pub url: String,
    /// Headers in order. Those that describe the connection or the body's length are the client's.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// For the whole exchange; cut down to [`HttpSettings::timeout`].
    pub timeout: Option<Duration>,
    /// The longest response body; cut down to [`HttpSettings::max_response_bytes`].
    pub max_response_bytes: Option<u64>,
    /// A redirect is an answer like any other.
    pub no_redirects: bool,
}

/// A response, whatever its status. There is no `Debug`: it may hold secrets.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Headers in order, names in lower case. A value that is not UTF-8 is left out.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// The answer to a request, some time.
pub type Exchange = Pin<Box<dyn Future<Output = Result<HttpResponse, Fault>> + Send>>;

/// The client that all plugins share. Cheap to clone; clones share connections and limits.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    client: reqwest::Client,
    places: Semaphore,
    settings: HttpSettings,
}

impl HttpClient {
    /// Reads the certificate authorities and sets up the client. Opens no connection.
    ///
    /// # Errors
    /// A proxy that is not a URL; an authority file that cannot be read or holds no certificate.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpSetupError> {
        Ok(Self(Arc::new(Inner {
            client: setup::client(settings)?,
            places: Semaphore::new(settings.max_concurrent.clamp(1, Semaphore::MAX_PERMITS)),
            settings: settings.clone(),
        })))
    }

    /// Sends the request if `grants` allow its host, follows at most 5 redirects, each to a granted host, unless the request
    /// says otherwise, and reads the
    /// whole body. The future must be polled inside a tokio runtime; dropping it cancels the request.
    ///
    /// The future's fault is `denied` for a host that is not granted, `internal` for a request that is not well formed,
    /// `config` for a certificate that is not trusted, and `transient` for the network, a time-out or a body that is
    /// too long. Its message names the host and never the path, the query, a header or a body.
    #[must_use]
    pub fn send(&self, grants: &Arc<HostGrants>, request: HttpRequest) -> Exchange {
        Box::pin(exchange::run(
            Arc::clone(&self.0),
            Arc::clone(grants),
            request,
        ))
    }
}
