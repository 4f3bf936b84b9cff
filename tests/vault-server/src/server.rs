//! The handle of a running server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use server_kit::{Core, Listening, RequestRecord, Running, Times};

use crate::builder::{Builder, StartError};
use crate::fault::Fault;
use crate::gate;
use crate::leases::Lease;
use crate::mode::Mode;
use crate::policy::Rules;
use crate::quota;
use crate::tokens::{Ended, Token};
use crate::vault::Vault;
use crate::world::World;

const PREFIX: &str = "/v1/";

/// What the handle and the requests share.
pub(crate) struct Shared {
    pub(crate) core: Arc<Core>,
    pub(crate) require_request_header: bool,
    inner: Mutex<Inner>,
}

/// A `std` mutex is around it: nobody waits for anything while holding it.
pub(crate) struct Inner {
    pub(crate) vault: Vault,
    pub(crate) mode: Mode,
    pub(crate) quota: quota::Used,
}

impl Shared {
    pub(crate) fn locked(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server. Its methods may be called from any thread. Dropping it closes the port and lets open answers end in the background.
pub struct VaultServer {
    shared: Arc<Shared>,
    running: Option<Running>,
}

impl VaultServer {
    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What a client takes for `VAULT_ADDR`: no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared.core.base_url().to_owned()
    }

    /// Makes of the node what `mode` says.
    pub fn set_mode(&self, mode: Mode) {
        self.shared.locked().mode = mode;
    }

    /// Switches a fault on for all requests, in place of the one before.
    pub fn set_fault(&self, fault: Fault, times: Times) {
        self.set_fault_at("", fault, times);
    }

    /// Switches a fault on for requests to paths that begin so, without `/v1/`, in place of the one before.
    pub fn set_fault_at(&self, prefix: &str, fault: Fault, times: Times) {
        let part = format!(" {PREFIX}{prefix}");
        self.shared.core.set_fault(&part, fault.into(), times);
    }

    /// Switches the fault off.
    pub fn clear_fault(&self) {
        self.shared.core.clear_fault();
    }

    /// Moves the server's clock on, and ends what is over by then.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.core.clock.advance(by);
        drop(self.up_to_date());
    }

    /// All requests so far, in the order of their arrival, their paths without `/v1/`.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        let mut requests = self.shared.core.requests();
        for request in &mut requests {
            if let Some(path) = request.path.strip_prefix(PREFIX) {
                request.path = path.to_owned();
            }
        }
        requests
    }

    /// How many of the requests so far went to exactly this path, without `/v1/`.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|request| request.path == path)
            .count()
    }

    /// Puts other rules in the place of a policy of the root namespace. Tokens that have it feel it at once.
    pub fn set_policy(&self, name: &str, rules: Rules) {
        self.shared.locked().vault.set_policy(name, rules);
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
        let now = self.shared.core.clock.now();
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

    /// What serves, for whoever ends it; the handle goes on to answer about what there is.
    pub fn take_running(&mut self) -> Option<Running> {
        self.running.take()
    }

    /// Closes the port, lets open answers end, and returns when that is done; clients that will not hang up are left after five seconds.
    pub async fn stop(mut self) {
        if let Some(running) = self.take_running() {
            running.stop().await;
        }
    }

    fn up_to_date(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.shared.locked();
        inner.vault.expire(self.shared.core.clock.now());
        inner
    }

    /// # Errors
    /// A public key in the world is none.
    pub(crate) fn serve(world: World, listening: Listening) -> Result<Self, StartError> {
        let core = Arc::clone(listening.core());
        let inner = Inner {
            vault: Vault::new(world.namespaces, core.clock.now())?,
            mode: Mode::default(),
            quota: quota::Used::new(world.quota),
        };
        let shared = Arc::new(Shared {
            core,
            require_request_header: world.require_request_header,
            inner: Mutex::new(inner),
        });
        let router = Router::new()
            .fallback(gate::gate)
            .with_state(Arc::clone(&shared));
        Ok(Self {
            shared,
            running: Some(listening.serve(router)),
        })
    }
}
