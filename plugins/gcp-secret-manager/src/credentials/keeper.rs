//! Keeps a token, and has another one fetched before it ends: one fetch, however many ask.

use std::{sync::Arc, time::Duration};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    outside::Outside,
    shared::{Fetched, Rules, Shared},
};

use super::{AccessToken, Source};

/// While their source is out of order, tokens do for as long as a call may take.
const LEAST_LEFT: Duration = Duration::from_secs(60);

/// The source, and the token that it gave last.
#[derive(Debug)]
pub struct Keeper {
    source: Source,
    shared: Shared<(), Arc<AccessToken>>,
}

impl Keeper {
    /// Nothing is fetched yet.
    #[must_use]
    pub fn new(source: Source) -> Self {
        let rules = Rules {
            least_left: LEAST_LEFT,
            ..Rules::default()
        };
        Self {
            source,
            shared: Shared::new(rules),
        }
    }

    /// A good one.
    ///
    /// # Errors
    /// See [`Source::token`].
    pub async fn token<O: Outside>(&self, outside: &O) -> Result<Arc<AccessToken>, Fault> {
        let fetch = async {
            let token = Arc::new(self.source.token(outside).await?);
            let end = token.expires_at;
            tracing::debug!(expires_at = %end, "got an access token");
            Ok(Fetched::until(token, end))
        };
        self.shared.get(&(), outside, fetch).await
    }

    /// Google takes this one no longer.
    pub fn refused(&self) {
        self.shared.forget(&());
    }
}
