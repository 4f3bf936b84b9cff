//! An HTTP proxy between the plugin and its server: counts requests, listens for credentials, and breaks what it is told to.

mod mischief;
mod upstream;

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use http_body_util::combinators::BoxBody;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, HeaderMap},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use provisionhook_host::redact::is_secret_name;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) use mischief::{MARK, Mischief, http_date};
use upstream::Upstream;

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// The running proxy; it ends when it is dropped.
pub(crate) struct Proxy {
    base_url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    upstream: Upstream,
    requests: AtomicUsize,
    /// Seconds by which every `Date` is ahead.
    date_ahead: AtomicI64,
    /// Bytes of bodies without end that were sent.
    poured: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many more requests go through, and what happens to those after them.
    broken: Option<(usize, Mischief)>,
    credentials: Vec<String>,
}

impl Proxy {
    /// Listens on a free port of loopback, in front of `upstream`.
    pub(crate) async fn start(upstream: &str) -> Self {
        let upstream = Upstream::new(upstream);
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .unwrap();
        let base_url = format!(
            "http://{}{}",
            listener.local_addr().unwrap(),
            upstream.path()
        );
        let shared = Arc::new(Shared {
            upstream,
            requests: AtomicUsize::new(0),
            date_ahead: AtomicI64::new(0),
            poured: Arc::default(),
            state: Mutex::default(),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            base_url,
            shared,
            serving,
        }
    }

    /// What the plugin takes for the service.
    pub(crate) fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// Lets that many more requests through, and breaks all after them.
    pub(crate) fn break_after(&self, requests: usize, mischief: Mischief) {
        self.shared.state().broken = Some((requests, mischief));
    }

    /// Breaks nothing any more.
    pub(crate) fn mend(&self) {
        self.shared.state().broken = None;
    }

    /// Sets every `Date` ahead of the server's.
    pub(crate) fn set_date_ahead(&self, seconds: i64) {
        self.shared.date_ahead.store(seconds, Relaxed);
    }

    /// How many requests came in so far.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Relaxed)
    }

    /// How many bytes of bodies without end were taken.
    pub(crate) fn poured(&self) -> u64 {
        self.shared.poured.load(Relaxed)
    }

    /// Every credential that a request came with, and the mark of what was not the server's.
    pub(crate) fn credentials(&self) -> Vec<String> {
        let mut credentials = self.shared.state().credentials.clone();
        credentials.push(MARK.to_owned());
        credentials
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { shared.answer(request).await }
    });
    // A connection that is cut on purpose ends with an error.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

impl Shared {
    /// # Errors
    /// The connection is to be closed without an answer.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        self.requests.fetch_add(1, Relaxed);
        self.listen(request.headers());
        let mischief = self.mischief();
        let mut response = match mischief {
            None => upstream::whole(self.upstream.forward(request).await?),
            Some(mischief) => {
                mischief
                    .carry_out(&self.upstream, request, &self.poured)
                    .await?
            }
        };
        let ahead = self.date_ahead.load(Relaxed);
        if ahead != 0 {
            mischief::set_date(response.headers_mut(), ahead);
        }
        Ok(response)
    }

    fn mischief(&self) -> Option<Mischief> {
        let mut state = self.state();
        let (let_through, mischief) = state.broken.as_mut()?;
        if *let_through > 0 {
            *let_through -= 1;
            return None;
        }
        Some(mischief.clone())
    }

    /// Notes the values of headers that carry credentials, without the name of a scheme in front.
    fn listen(&self, headers: &HeaderMap) {
        let heard = headers
            .iter()
            .filter(|(name, _)| *name == AUTHORIZATION || is_secret_name(name.as_str()))
            .filter_map(|(_, value)| value.to_str().ok())
            .map(|value| value.split_once(' ').map_or(value, |(_, rest)| rest));
        let mut state = self.state();
        for value in heard {
            if !state.credentials.iter().any(|known| known == value) {
                state.credentials.push(value.to_owned());
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For bodies that cannot fail.
pub(crate) fn never(error: Infallible) -> io::Error {
    match error {}
}
