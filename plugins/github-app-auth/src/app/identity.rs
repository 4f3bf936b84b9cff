//! Whether GitHub knows the App.

use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};
use provisionhook_provider_kit::outside::Outside;
use serde::Deserialize;

use crate::{app::App, refusal::Asked};

#[derive(Deserialize)]
struct Shown {
    id: u64,
    slug: Option<String>,
}

impl<O: Outside> App<O> {
    /// Asks GitHub who this is, which proves key and issuer. That GitHub is not to be had now is a warning in the log.
    ///
    /// # Errors
    /// GitHub does not take this for an App.
    pub async fn check(&self) -> Result<(), Fault> {
        match self.identity().await {
            Ok(shown) => {
                let slug = shown.slug.unwrap_or_default();
                tracing::info!(app_id = shown.id, slug, "GitHub knows the App");
                Ok(())
            }
            Err(fault) if fault.kind() == FaultKind::TRANSIENT => {
                tracing::warn!(%fault, "cannot check now if GitHub knows the App; the first workspace will tell");
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    /// # Errors
    /// See [`App::exchange`].
    async fn identity(&self) -> Result<Shown, Fault> {
        let answer = self.get("/app", Asked::Identity).await?;
        self.settings.service.read(&answer.found()?)
    }
}
