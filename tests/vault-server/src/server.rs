//! The handle of a running server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::{Builder, StartError};
use crate::clock::Clock;
use crate::fault::{Fault, Faults, Times};
use crate::gate;
use crate::leases::Lease;
use crate::ledger::{Ledger, RequestRecord};
use crate::mode::Mode;
use crate::tokens::{Ended, Token};
use crate::vault::Vault;
use crate::world::World;

/// How long a stop waits for clients that will not hang up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the handle and the requests share.
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) require_request_header: bool,
    inner: Mutex<Inner>,
    closing: watch::Receiver<bool>,
}

/// A `std` mutex is around it: nobody waits for anything while holding it.
pub(crate) struct Inner {
    pub(crate) vault: Vault,
    pub(crate) mode: Mode,
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
}

impl Shared {
    pub(crate) fn locked(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, but not beyond the end of the server.
    pub(crate) async fn pause(&self, delay: Duration) {
        let mut closing = self.closing.clone();
        // Time is over, or the server is.
        drop(tokio::time::timeout(delay, closing.wait_for(|closing| *closing)).await);
    }
}

/// A running server. Its methods may be called from any thread. Dropping it closes the port and lets open answers end in the background.
pub struct VaultServer {
    shared: Arc<Shared>,
    base_url: String,
    close: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl VaultServer {
    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What a client takes for `VAULT_ADDR`: no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// Makes of the node what `mode` says.
    pub fn set_mode(&self, mode: Mode) {
        self.shared.locked().mode = mode;
    }

    /// Switches a fault on for all requests.
    pub fn set_fault(&self, fault: Fault, times: Times) {
        self.set_fault_at("", fault, times);
    }

    /// Switches a fault on for requests to paths that begin so, without `/v1/`. Of several that fit, the first counts.
    pub fn set_fault_at(&self, prefix: &str, fault: Fault, times: Times) {
        self.shared.locked().faults.add(prefix, fault, times);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.locked().faults.clear();
    }

    /// Moves the server's clock on, and ends what is over by then.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.clock.advance(by);
        self.shared.locked().vault.expire(self.shared.clock.now());
    }

    /// All requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.locked().ledger.records.clone()
    }

    /// How many of the requests so far went to exactly this path, without `/v1/`.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> usize {
        let inner = self.shared.locked();
        inner
            .ledger
            .records
            .iter()
            .filter(|record| record.path == path)
            .count()
    }

    /// All tokens so far, in the order of issue, wrapping tokens too.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        self.up_to_date().vault.tokens.list()
    }

    /// The tokens that a login gave, in the order of issue.
    #[must_use]
    pub fn logins(&self) -> Vec<Token> {
        let mut tokens = self.tokens();
        tokens.retain(|token| token.path.ends_with("/login"));
        tokens
    }

    /// All leases so far, in the order in which they were made.
    #[must_use]
    pub fn leases(&self) -> Vec<Lease> {
        self.up_to_date().vault.leases.list()
    }

    /// Writes a new version of a secret of KV version 2 in the root namespace; `mount` ends in a slash.
    pub fn write_kv2(&self, mount: &str, path: &str, data: Value) {
        let now = self.shared.clock.now();
        self.shared.locked().vault.write_kv2(mount, path, data, now);
    }

    /// The newest version of a secret of KV version 2 in the root namespace; null if there is none.
    #[must_use]
    pub fn kv2(&self, mount: &str, path: &str) -> Value {
        self.shared.locked().vault.kv2(mount, path)
    }

    /// Revokes a token behind its owner's back, with its children and leases.
    pub fn revoke_token(&self, id: &str) {
        self.shared.locked().vault.end_token(id, Ended::Revoked);
    }

    /// Revokes a lease behind its owner's back.
    pub fn revoke_lease(&self, id: &str) {
        self.shared.locked().vault.leases.end(id, Ended::Revoked);
    }

    /// Closes the port; what is slow on purpose is answered at once.
    pub fn close(&self) {
        self.close.send_replace(true);
    }

    /// Closes the port, lets open answers end, and returns when that is done; clients that will not hang up are left after five seconds.
    pub async fn stop(mut self) {
        self.close();
        if tokio::time::timeout(PATIENCE, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
    }

    fn up_to_date(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.shared.locked();
        inner.vault.expire(self.shared.clock.now());
        inner
    }

    /// # Errors
    /// A public key in the world is none.
    pub(crate) fn serve(
        world: World,
        address: SocketAddr,
        listener: TcpListener,
    ) -> Result<Self, StartError> {
        let clock = Clock::default();
        let (close, closing) = watch::channel(false);
        let inner = Inner {
            vault: Vault::new(world.namespaces, clock.now())?,
            mode: Mode::default(),
            faults: Faults::default(),
            ledger: Ledger::new(world.quota),
        };
        let shared = Arc::new(Shared {
            clock,
            require_request_header: world.require_request_header,
            inner: Mutex::new(inner),
            closing: closing.clone(),
        });
        let router = Router::new()
            .fallback(gate::gate)
            .with_state(Arc::clone(&shared));
        let mut closing = closing;
        let closed = async move {
            // An error means that the handle is gone, which closes too.
            drop(closing.wait_for(|closing| *closing).await);
        };
        let serving = tokio::spawn(async move {
            let server = axum::serve(listener, router).with_graceful_shutdown(closed);
            // Serving ends without an error: axum retries a failed accept by itself.
            drop(server.await);
        });
        Ok(Self {
            shared,
            base_url: format!("http://{address}"),
            close,
            serving,
        })
    }
}

impl Drop for VaultServer {
    fn drop(&mut self) {
        self.close();
    }
}
