//! All that a plugin's config wants, and what all workspaces share of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use provisionhook_plugin_abi::sdk::Fault;

use super::{Kept, Pick, Spread, Take, Variables, Wanted, is_variable, take_all};
use crate::{
    outside::Outside,
    shared::{Fetched, Rules, Shared},
};

/// Longer, and nobody would notice that a secret has changed.
const MOST_CACHE_SECONDS: u64 = 86_400;

/// Everything that is wanted, and what was fetched of it last. Its methods may be called from any thread, at the same time.
#[derive(Debug)]
pub struct Wishes<R> {
    wanted: Vec<Wanted<R>>,
    secrets: BTreeSet<R>,
    shared: Shared<(), Arc<Variables>>,
}

impl<R: Clone + fmt::Display + Ord> Wishes<R> {
    /// Nothing is fetched yet. What will be is fresh for `cache`, and useful for an hour while the store is out of order.
    #[must_use]
    pub fn new(wanted: Vec<Wanted<R>>, cache: Duration) -> Self {
        let rules = Rules {
            fresh_for: cache,
            ..Rules::default()
        };
        Self {
            secrets: wanted.iter().map(|wanted| wanted.secret.clone()).collect(),
            wanted,
            shared: Shared::new(rules),
        }
    }

    /// The secrets that are wanted, each once.
    #[must_use]
    pub fn secrets(&self) -> &BTreeSet<R> {
        &self.secrets
    }

    /// The variables: from the cache, or else of what `fetch` brings, which runs for one of all who ask.
    ///
    /// # Errors
    /// The fetch's, and a `config` fault for secrets that do not have what is wanted.
    pub async fn variables<O: Outside>(
        &self,
        outside: &O,
        fetch: impl Future<Output = Result<BTreeMap<R, Kept>, Fault>> + Send,
    ) -> Result<Arc<Variables>, Fault>
    where
        R: Send + Sync,
    {
        let fetch = async {
            let secrets = fetch.await?;
            let variables = take_all(&self.wanted, &secrets)?;
            tracing::info!(
                secrets = secrets.len(),
                variables = variables.len(),
                "fetched"
            );
            Ok(Fetched::endless(Arc::new(variables)))
        };
        self.shared.get(&(), outside, fetch).await
    }
}

impl<R> Wanted<R> {
    /// What stands under `/variables/NAME` of a config. `secret` makes the reference; it gets the JSON pointer of where it stands.
    ///
    /// # Errors
    /// A `config` fault for what cannot be a variable, and that of `secret`.
    pub fn one(
        variable: String,
        pick: Pick,
        secret: impl FnOnce(&str) -> Result<R, Fault>,
    ) -> Result<Self, Fault> {
        if !is_variable(&variable) {
            return Err(Fault::config(format!(
                "/variables: expected names of environment variables, found {variable:?}"
            )));
        }
        Ok(Self {
            secret: secret(&format!("/variables/{variable}"))?,
            take: Take::One { variable, pick },
        })
    }

    /// What stands under `/spread/PATTERN` of a config.
    ///
    /// # Errors
    /// A `config` fault for what is no pattern, and that of `secret`.
    pub fn all(
        pattern: &str,
        names: super::Names,
        secret: impl FnOnce(&str) -> Result<R, Fault>,
    ) -> Result<Self, Fault> {
        let field = format!("/spread/{pattern}");
        Ok(Self {
            take: Take::All(Spread::new(pattern, names, &field)?),
            secret: secret(&field)?,
        })
    }
}

/// Both kinds of wishes of a config, of which there must be one at least.
///
/// # Errors
/// The first wish that is none, or a `config` fault when there is none at all.
pub fn all_wanted<R>(
    variables: impl Iterator<Item = Result<Wanted<R>, Fault>>,
    spread: impl Iterator<Item = Result<Wanted<R>, Fault>>,
) -> Result<Vec<Wanted<R>>, Fault> {
    let wanted = variables.chain(spread).collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        return Err(Fault::config(
            "expected \"variables\" or \"spread\" with a secret, found none; say what goes where",
        ));
    }
    Ok(wanted)
}

/// `cache_seconds` of a config; five minutes if it does not say.
///
/// # Errors
/// A `config` fault for more than a day.
pub fn cache(seconds: Option<u64>) -> Result<Duration, Fault> {
    match seconds.unwrap_or(300) {
        seconds if seconds > MOST_CACHE_SECONDS => Err(Fault::config(format!(
            "/cache_seconds: expected at most {MOST_CACHE_SECONDS}, found {seconds}"
        ))),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}
