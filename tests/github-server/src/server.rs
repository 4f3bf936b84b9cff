//! The handle of a running server.

use std::sync::Arc;
use std::time::Duration;

use server_kit::{Listening, RequestRecord, Running, Times};

use crate::builder::Builder;
use crate::fault::Fault;
use crate::github::Github;
use crate::installation::Suspension;
use crate::routes;
use crate::tokens::IssuedToken;

/// A running server. Its methods may be called from any thread. Dropping it closes the port and lets open answers end in the background.
pub struct GithubServer {
    github: Arc<Github>,
    running: Running,
}

impl GithubServer {
    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// What a client takes for `https://api.github.com`: no slash at the end. With `/api/v3` behind it, it is an Enterprise Server's.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.github.core.base_url().to_owned()
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
        self.github.core.requests()
    }

    /// How many of the requests so far asked for a token, with success or without.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.method == "POST" && request.path.ends_with("/access_tokens"))
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
        self.github.core.clock.set_skew(seconds);
    }

    /// Moves the server's clock on.
    pub fn advance_clock(&self, by: Duration) {
        self.github.core.clock.advance(by);
    }

    /// Closes the port, lets open answers end, and returns when that is done; clients that will not hang up are left after five seconds.
    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// For a server that runs alone.
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }

    pub(crate) fn serve(github: Arc<Github>, listening: Listening) -> Self {
        let running = listening.serve(routes::router(&github));
        Self { github, running }
    }
}
