//! The tokens that belong to one workspace, and their end with it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{limit::Limit, outside::Outside, quote::quoted};

use crate::{
    app::{App, LIMITS, Minted},
    config::Asker,
    refusal,
};

/// By workspace. Kept in memory alone: after a restart of the platform, tokens from before die by themselves within the hour.
#[derive(Default)]
pub(super) struct Owned(Mutex<HashMap<String, Vec<Minted>>>);

impl Owned {
    /// Notes a token; whatever has expired by now is no longer worth a note.
    pub(super) fn note(&self, workspace: &str, minted: &Minted, now: Timestamp) {
        let mut all = self.locked();
        all.retain(|_, tokens| {
            tokens.retain(|token| token.expires_at > now);
            !tokens.is_empty()
        });
        all.entry(workspace.to_owned())
            .or_default()
            .push(minted.clone());
    }

    fn take(&self, workspace: &str) -> Vec<Minted> {
        self.locked().remove(workspace).unwrap_or_default()
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Vec<Minted>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").finish_non_exhaustive()
    }
}

impl<O: Outside> App<O> {
    /// Revokes the tokens that were minted for a workspace. Those that could not be revoked stay on record, for the next try.
    ///
    /// # Errors
    /// The last one's that GitHub did not take back.
    pub async fn revoke_all(&self, asker: &Asker<'_>) -> Result<(), Fault> {
        if let Ok(wish) = self.settings.widest(asker) {
            self.injected.forget(&(asker.workspace.to_owned(), wish));
        }
        let mut result = Ok(());
        let mut revoked: usize = 0;
        for minted in self.owned.take(asker.workspace) {
            if minted.expires_at <= self.now() {
                continue;
            }
            match self.revoke(&minted).await {
                Ok(()) => revoked += 1,
                Err(fault) => {
                    self.owned.note(asker.workspace, &minted, self.now());
                    result = Err(fault);
                }
            }
        }
        if revoked > 0 {
            tracing::info!(revoked, "revoked the tokens of a workspace that has ended");
        }
        result
    }

    /// # Errors
    /// GitHub does not take it back, or does not answer.
    async fn revoke(&self, minted: &Minted) -> Result<(), Fault> {
        let request = self.request("DELETE", "/installation/token", &minted.token);
        let response = self.outside.send(request).await?;
        // 401: it was dead already.
        if response.is_success() || response.status() == 401 {
            return Ok(());
        }
        let service = &self.settings.service;
        let message = refusal::message(&response).unwrap_or_default();
        // What is counted here is the installation's, and no reason to leave the App alone.
        let limit = Limit::new(LIMITS);
        if limit.is_reached(&response, &message) {
            return Err(limit.reached(service, &response, self.now()));
        }
        Err(service.usual_fault(&response, &quoted(&message)))
    }
}
