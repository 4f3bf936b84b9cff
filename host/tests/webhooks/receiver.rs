//! A receiver that takes events or not, as it was told, and checks each signature as the specification says.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::Value;
use tokio::net::TcpListener;

/// No delivery of a test may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it does with the next request; it takes what comes after the last.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    Answer(u16),
    /// With `Retry-After` in seconds.
    Later(u16, u64),
    Redirect,
    /// Does not answer.
    Hang,
}

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn seq(&self) -> i64 {
        let json: Value = serde_json::from_slice(&self.body).unwrap();
        json["seq"].as_i64().unwrap()
    }
}

#[derive(Default)]
struct Inner {
    script: Mutex<VecDeque<Does>>,
    requests: Mutex<Vec<Request>>,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    inner: Arc<Inner>,
}

impl Receiver {
    pub(crate) async fn start(script: impl IntoIterator<Item = Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            script: Mutex::new(script.into_iter().collect()),
            requests: Mutex::default(),
        });
        let routes = Router::new()
            .route("/hook", post(receive))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, inner }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// The numbers of the events in the requests so far.
    pub(crate) fn seqs(&self) -> Vec<i64> {
        self.requests().iter().map(Request::seq).collect()
    }

    /// Waits until it has had so many requests.
    pub(crate) async fn had(&self, count: usize) -> Vec<Request> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let requests = self.requests();
            if requests.len() >= count {
                return requests;
            }
            let found = requests.len();
            assert!(Instant::now() < deadline, "expected {count}, found {found}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn receive(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let at = Instant::now();
    let request = Request { headers, body, at };
    inner.requests.lock().unwrap().push(request);
    let next = inner.script.lock().unwrap().pop_front();
    match next.unwrap_or(Does::Answer(200)) {
        Does::Answer(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Does::Later(status, seconds) => {
            let status = StatusCode::from_u16(status).unwrap();
            let after = [(header::RETRY_AFTER, HeaderValue::from(seconds))];
            (status, after).into_response()
        }
        Does::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/hook")]).into_response(),
        Does::Hang => std::future::pending().await,
    }
}
