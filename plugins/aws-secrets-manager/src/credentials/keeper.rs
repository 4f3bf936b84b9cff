//! Keeps credentials, and has them fetched before they end: one fetch, however many ask.

use std::{sync::Arc, time::Duration};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    outside::Outside,
    shared::{Fetched, Rules, Shared},
};

use super::{Credentials, Source, World};

/// Credentials that do not say when they end are looked up again after so long: whoever writes a profile renews them there.
const ENDLESS: Duration = Duration::from_secs(15 * 60);
/// While their source is out of order, credentials do for as long as a call may take.
const LEAST_LEFT: Duration = Duration::from_secs(60);

/// The source, and what it gave last.
#[derive(Debug)]
pub struct Keeper {
    source: Source,
    shared: Shared<(), Arc<Credentials>>,
}

impl Keeper {
    /// Nothing is fetched yet.
    #[must_use]
    pub fn new(source: Source) -> Self {
        let rules = Rules {
            fresh_for: ENDLESS,
            least_left: LEAST_LEFT,
            ..Rules::default()
        };
        Self {
            source,
            shared: Shared::new(rules),
        }
    }

    /// Where they come from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Good ones.
    ///
    /// # Errors
    /// See [`Source::fetch`].
    pub async fn credentials<O: Outside>(
        &self,
        world: &World<'_, O>,
    ) -> Result<Arc<Credentials>, Fault> {
        let fetch = async {
            let credentials = Arc::new(self.source.fetch(world).await?);
            tracing::debug!(
                source = self.source.name(),
                access_key_id = credentials.access_key_id,
                "got credentials"
            );
            Ok(match credentials.expires_at {
                Some(end) => Fetched::until(credentials, world.skew.to_host(end)),
                None => Fetched::endless(credentials),
            })
        };
        self.shared.get(&(), world.outside, fetch).await
    }

    /// AWS takes these no longer. Whether other ones are to be had at all.
    pub fn refused(&self) -> bool {
        self.shared.forget(&());
        !matches!(self.source, Source::Given(_))
    }
}
