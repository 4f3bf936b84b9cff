//! Accepts connections and serves them: slow and idle clients are cut off, and a shutdown lets running requests end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};

use crate::http::{Limits, gate::Gate};

/// A bound address that does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// The server could not listen.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected to listen on {address}, and could not: choose another address, or stop what listens there"
)]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// How long to wait after an accept that failed because something ran out, usually file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Server {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let refused = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves; then takes no new connection, lets running requests end, and cuts off those that
    /// still run after the drain limit of the limits.
    pub(crate) async fn run(self, gate: Gate, limits: &Limits, shutdown: impl Future<Output = ()>) {
        let gate = Arc::new(gate);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_time)
            .max_buf_size(64 * 1024);
        let graceful = GracefulShutdown::new();
        let permits = Arc::new(Semaphore::new(limits.max_connections));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
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
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // Small answers must not wait for the acknowledgement of the ones before. Failing to say so costs only that.
            let _ = stream.set_nodelay(true);
            let gate = Arc::clone(&gate);
            let service = service_fn(move |request| {
                let gate = Arc::clone(&gate);
                async move { gate.serve(request).await }
            });
            let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
            connections.spawn(async move {
                // An error here is a client that broke off or was cut off.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection ended");
                }
                drop(permit);
            });
        }
        drop(self.listener);
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
    }
}
