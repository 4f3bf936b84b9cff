//! A server's port, from its opening to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::core::{Core, Voice};

/// How long a stop waits for clients that will not hang up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not a loopback one.
    #[error(
        "expected a loopback address to listen on, found {0}; this server has no business on a network"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}; choose another port, or 0 for a free one")]
    Listen(SocketAddr, #[source] io::Error),
}

/// A port that is open, and not served yet.
pub struct Listening {
    listener: TcpListener,
    close: watch::Sender<bool>,
    core: Arc<Core>,
}

/// Opens a port of loopback; 0 stands for a free one.
///
/// # Errors
/// The address is not loopback, or not free.
pub async fn listen(address: SocketAddr, voice: Voice) -> Result<Listening, StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::NotLoopback(address));
    }
    let failed = |source| StartError::Listen(address, source);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let (close, closing) = watch::channel(false);
    let core = Arc::new(Core::new(voice, closing, format!("http://{bound}")));
    Ok(Listening {
        listener,
        close,
        core,
    })
}

impl Listening {
    /// What surrounds the router that is still to be made.
    #[must_use]
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Serves, on the tokio runtime of the caller, until the handle is stopped or dropped.
    #[must_use]
    pub fn serve(self, router: Router) -> Running {
        let router = self.core.wrap(router);
        let mut closing = self.core.closing.clone();
        let closed = async move {
            // An error means that the handle is gone, which closes too.
            drop(closing.wait_for(|closing| *closing).await);
        };
        let serve = axum::serve(self.listener, router).with_graceful_shutdown(closed);
        // Serving ends without an error: axum retries a failed accept by itself.
        let serving = tokio::spawn(async move { drop(serve.await) });
        Running {
            base_url: self.core.base_url().to_owned(),
            close: self.close,
            serving,
        }
    }
}

/// A server that serves. Dropping it closes the port and lets open answers end in the background.
pub struct Running {
    pub(crate) base_url: String,
    close: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Running {
    /// Closes the port, lets open answers end, and returns when that is done; clients that will not hang up are left after five seconds.
    pub async fn stop(mut self) {
        self.close.send_replace(true);
        if tokio::time::timeout(PATIENCE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.close.send_replace(true);
    }
}
