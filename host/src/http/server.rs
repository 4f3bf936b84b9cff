//! Accepts connections and serves them: slow and idle clients are cut off, and a shutdown lets running requests end.

use std::{
    io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_io_timeout::TimeoutWriter;
use tokio_rustls::TlsAcceptor;

use super::{
    Address, Limits, Tls, TlsError,
    gate::Gate,
    listener::{Accepted, Listener, SOCKET_MODE},
};

/// A bound address that does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    address: Address,
    tls: Option<Tls>,
}

/// The server could not listen.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected to listen on {address}, and could not: choose another address, or stop what listens there"
)]
pub struct BindError {
    address: Address,
    source: io::Error,
}

/// How long to wait after an accept that failed because something ran out, usually file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Server {
    /// Listens on `address`. The file of a Unix socket is for the platform's user alone.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(address: impl Into<Address>) -> Result<Self, BindError> {
        Self::bind_with_mode(address, SOCKET_MODE).await
    }

    /// The same, with this mode for the file of a Unix socket.
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub async fn bind_with_mode(address: impl Into<Address>, mode: u32) -> Result<Self, BindError> {
        let address = address.into();
        let listener = Listener::bind(&address, mode).await;
        Self::over(listener, address)
    }

    /// Serves on a TCP socket that somebody else opened: an init system.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn inherit_tcp(socket: std::net::TcpListener) -> Result<Self, BindError> {
        let unknown = Address::Tcp(([0, 0, 0, 0], 0).into());
        Self::over(Listener::inherited_tcp(socket), unknown)
    }

    /// Serves on a Unix socket that somebody else opened.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn inherit_unix(socket: std::os::unix::net::UnixListener) -> Result<Self, BindError> {
        let unknown = Address::Unix("/".into());
        Self::over(Listener::inherited_unix(socket), unknown)
    }

    fn over(listener: io::Result<Listener>, address: Address) -> Result<Self, BindError> {
        let (listener, address) = match listener.and_then(|listener| {
            let address = listener.address()?;
            Ok((listener, address))
        }) {
            Ok(bound) => bound,
            Err(source) => return Err(BindError { address, source }),
        };
        Ok(Self {
            listener,
            address,
            tls: None,
        })
    }

    /// The same server, over TLS.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// The certificate that it serves with, if any.
    #[must_use]
    pub const fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// How a client on this machine reaches it: `http://127.0.0.1:7878`, `https://…`, or `unix:/PATH`.
    #[must_use]
    pub fn url(&self) -> String {
        match (&self.address, &self.tls) {
            (Address::Unix(_), _) => self.address.to_string(),
            (Address::Tcp(address), None) => format!("http://{address}"),
            (Address::Tcp(address), Some(_)) => format!("https://{address}"),
        }
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Serves until `shutdown` resolves; then takes no new connection, lets running requests end, and cuts off those that
    /// still run after the drain limit of the limits. Gives what is left of that limit.
    ///
    /// # Errors
    /// When TLS cannot be set up. Nothing was served.
    pub(crate) async fn run(
        self,
        gate: Gate,
        limits: &Limits,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Duration, TlsError> {
        let tls = self.tls.as_ref().map(Tls::acceptor).transpose()?;
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(limits.max_connections));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        let gate = Arc::new(gate);
        loop {
            let accepted = async {
                // A connection over the limit waits in the kernel's queue.
                let permit = Arc::clone(&permits).acquire_owned().await;
                (self.listener.accept().await, permit)
            };
            let (accepted, permit) = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = accepted => accepted,
            };
            let accepted = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let connection = Connection {
                gate: Arc::clone(&gate),
                peer: accepted.peer(),
                header_time: limits.header_time,
                write_time: limits.write_time,
                watcher: graceful.watcher(),
            };
            let tls = tls.clone();
            connections.spawn(async move {
                connection.answer(accepted, tls).await;
                drop(permit);
            });
        }
        drop(self.listener);
        let stopped = Instant::now();
        if tokio::time::timeout(limits.drain_time, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(
                connections = connections.len(),
                "requests still ran at the drain limit: cut off"
            );
        }
        connections.shutdown().await;
        Ok(limits.drain_time.saturating_sub(stopped.elapsed()))
    }
}

/// What answers on one connection.
struct Connection {
    gate: Arc<Gate>,
    peer: Option<IpAddr>,
    header_time: Duration,
    write_time: Duration,
    watcher: Watcher,
}

impl Connection {
    async fn answer(self, accepted: Accepted, tls: Option<TlsAcceptor>) {
        match (accepted, tls) {
            (Accepted::Tcp(stream), None) => self.over(stream).await,
            (Accepted::Unix(stream), None) => self.over(stream).await,
            (Accepted::Tcp(stream), Some(tls)) => self.over_tls(stream, &tls).await,
            (Accepted::Unix(stream), Some(tls)) => self.over_tls(stream, &tls).await,
        }
    }

    async fn over_tls<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        self,
        stream: S,
        tls: &TlsAcceptor,
    ) {
        match tokio::time::timeout(self.header_time, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.over(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS with this client"),
            Err(_) => tracing::debug!("no TLS with this client in time"),
        }
    }

    async fn over<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, stream: S) {
        let Self {
            gate,
            peer,
            header_time,
            write_time,
            watcher,
        } = self;
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(write_time));
        let stream = Box::pin(stream);
        let service = service_fn(move |request| {
            let gate = Arc::clone(&gate);
            async move { gate.serve(request, peer).await }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(header_time)
            .max_buf_size(64 * 1024);
        let connection = watcher.watch(http.serve_connection(TokioIo::new(stream), service));
        // An error here is a client that broke off or was cut off.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    }
}
