//! The handle of a running server.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::Builder;
use crate::fault::{Fault, Times};
use crate::github::Github;
use crate::installation::Suspension;
use crate::ledger::RequestRecord;
use crate::routes;
use crate::tokens::IssuedToken;

/// How long a stop waits for clients that will not hang up.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running server. Its methods may be called from any thread. Dropping it closes the port and lets open answers end in the background.
pub struct GithubServer {
    github: Arc<Github>,
    close: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl GithubServer {
    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What a client takes for `https://api.github.com`: no slash at the end. With `/api/v3` behind it, it is an Enterprise Server's.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.github.base_url.clone()
    }

    /// Switches a fault on, in place of the one before.
    pub fn set_fault(&self, fault: Fault, times: Times) {
        self.github.faults.set(fault, times);
    }

    /// Switches the fault off.
    pub fn clear_fault(&self) {
        self.github.faults.clear();
    }

    /// All requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.github.ledger.records()
    }

    /// How many of the requests so far asked for a token, with success or without.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.is_for_a_token())
            .count()
    }

    /// All tokens so far, in the order of issue.
    #[must_use]
    pub fn issued_tokens(&self) -> Vec<IssuedToken> {
        self.github.tokens.all()
    }

    /// Makes a token worthless; false if it was never issued.
    #[must_use = "false means that there was nothing to revoke"]
    pub fn revoke(&self, token: &str) -> bool {
        self.github.tokens.revoke(token)
    }

    /// Suspends an installation in the name of its account, or ends that; false if there is no such installation.
    #[must_use = "false means that there is no such installation"]
    pub fn set_suspended(&self, installation: u64, suspended: bool) -> bool {
        self.github.change(installation, |known, now| {
            known.suspension = suspended.then(|| Suspension {
                at: now,
                by: known.owner.clone(),
            });
        })
    }

    /// Suspends an installation in the name of that person; false if there is no such installation.
    #[must_use = "false means that there is no such installation"]
    pub fn suspend_by(&self, installation: u64, login: &str) -> bool {
        self.github.change(installation, |known, now| {
            known.suspension = Some(Suspension {
                at: now,
                by: login.to_owned(),
            });
        })
    }

    /// Removes an installation and installs the App again on the same account, under another number; false if there is no such installation.
    #[must_use = "false means that there is no such installation"]
    pub fn reinstall(&self, installation: u64, number: u64) -> bool {
        self.github
            .change(installation, |known, _| known.id = number)
    }

    /// Sets the server's clock that many seconds ahead of the real time, or behind it.
    pub fn set_clock_skew(&self, seconds: i64) {
        self.github.clock.set_skew(seconds);
    }

    /// Moves the server's clock on.
    pub fn advance_clock(&self, by: Duration) {
        self.github.clock.advance(by);
    }

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

    pub(crate) fn serve(
        github: Arc<Github>,
        listener: TcpListener,
        close: watch::Sender<bool>,
    ) -> Self {
        let router = routes::router(&github);
        let mut closing = github.closing.clone();
        let serving = tokio::spawn(async move {
            let closed = async move {
                // An error means that the handle is gone, which closes too.
                drop(closing.wait_for(|closing| *closing).await);
            };
            // Serving ends without an error: axum retries a failed accept by itself.
            drop(
                axum::serve(listener, router)
                    .with_graceful_shutdown(closed)
                    .await,
            );
        });
        Self {
            github,
            close,
            serving,
        }
    }
}

impl Drop for GithubServer {
    fn drop(&mut self) {
        self.close.send_replace(true);
    }
}
