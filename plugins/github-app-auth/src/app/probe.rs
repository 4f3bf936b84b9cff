//! Whether GitHub knows a token that it has just given out: its replicas need a moment, in which they refuse it.
//!
//! 401 means that the token is not known yet, 403 that its permissions are not, and 404 that the repository is not seen with
//! it yet (octokit/auth-app.js#65 and #589). After 7 s it is hardly that.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provisionhook_provider_kit::{
    limit::Limit,
    outside::{Outside, Response},
};

use crate::{
    app::{App, Errand, LIMITS, Minted, installation::Installation},
    refusal,
    scope::Wish,
};

const PAUSES: [u64; 3] = [1, 2, 4];

/// What is left of the caller's time for handing the token over.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

impl<O: Outside> App<O> {
    /// Tries the token out until GitHub knows it, or no time is left: then it is handed over all the same, because most
    /// likely it works by the time that somebody uses it.
    pub(super) async fn prove(
        &self,
        minted: &Minted,
        installation: &Installation,
        wish: &Wish,
        errand: Errand<'_>,
    ) {
        if !self.settings.probe {
            return;
        }
        let path = probe_path(installation, wish);
        let started = self.now();
        let mut pauses = PAUSES.into_iter();
        loop {
            let status = match self.try_out(&path, minted).await {
                Ok(()) => return,
                Err(status) => status,
            };
            let pause = pauses
                .next()
                .filter(|pause| self.has_time(errand, started, *pause));
            let slept = match pause {
                Some(pause) => self.outside.sleep(Duration::from_secs(pause)).await.is_ok(),
                None => false,
            };
            if !slept {
                tracing::warn!(
                    installation = installation.id,
                    status,
                    "GitHub does not know a fresh token yet; handing it over all the same"
                );
                return;
            }
        }
    }

    /// # Errors
    /// The status of a refusal, or 0 for no answer.
    async fn try_out(&self, path: &str, minted: &Minted) -> Result<(), u16> {
        let request = self.request("GET", path, &minted.token);
        let response = self.outside.send(request).await.map_err(|_| 0_u16)?;
        let status = response.status();
        tracing::debug!(path, status, "tried a fresh token out");
        if response.is_success() || is_known(&response) {
            Ok(())
        } else {
            Err(status)
        }
    }

    fn has_time(&self, errand: Errand<'_>, started: Timestamp, pause: u64) -> bool {
        let Some(patience) = errand.patience else {
            return true;
        };
        let spent = self.now().duration_since(started);
        let pause = Duration::from_secs(pause);
        SignedDuration::try_from(patience.saturating_sub(pause))
            .is_ok_and(|left| left > spent + MARGIN)
    }
}

/// A refusal for a reason for which GitHub has to know the token: a limit that is reached with it, or this machine's address,
/// which need not be the workspace's.
fn is_known(response: &Response) -> bool {
    let message = refusal::message(response).unwrap_or_default();
    Limit::new(LIMITS).is_reached(response, &message) || refusal::is_about_the_address(&message)
}

/// A repository that was asked for; or else what the token reaches, of which one entry will do.
fn probe_path(installation: &Installation, wish: &Wish) -> String {
    let owner = wish.owner.as_ref().or(installation.owner.as_ref());
    match (owner, wish.repositories.first()) {
        (Some(owner), Some(repository)) => format!("/repos/{owner}/{repository}"),
        _ => "/installation/repositories?per_page=1".to_owned(),
    }
}
