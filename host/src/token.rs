//! Hands out tokens: from the cache as long as they are good, from the provider once however many ask.
//!
//! - A cached token costs no lock and no allocation.
//! - A token is renewed ahead of its expiry, in the background, when somebody asks for it in the last part of its life.
//!   The moment is drawn at random, so that tokens that were made together are not renewed together.
//! - While the provider fails, a token that is still good is served, and the provider is asked less and less often.
//! - What a workspace may have is decided by the cache's key: see [`Sharing`](crate::capability::Sharing).

mod cache;
mod clock;
mod counts;
mod ended;
mod error;
mod fresh;
mod guarded;
mod mint;
mod provider;
mod slot;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use subtle::ConstantTimeEq;
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use crate::{
    call::Call,
    capability::{Scope, Token},
    redact::Redactor,
};

use cache::Cache;
use clock::Clock;
use counts::Counters;
use ended::Ended;
use slot::{Joined, Slot};

pub use clock::WallClock;
pub use counts::TokenCounts;
pub use error::{TokenError, TokenErrorKind};
pub use provider::Provider;

/// How the broker treats tokens.
#[derive(Clone, Debug)]
pub struct BrokerSettings {
    /// A token is never handed out in this last part of its life.
    pub skew: Duration,
    /// How long a token is kept that does not say when it expires.
    pub without_expiry: Duration,
    /// A token that claims to live longer than this is refused.
    pub longest_life: Duration,
    /// How many tokens are kept.
    pub capacity: usize,
    /// The Tokio runtime on which providers run; `None`: on that of whoever asks. With one of their own, a provider that blocks its
    /// thread holds up neither a deadline nor anybody else.
    pub plugins: Option<Handle>,
}

impl Default for BrokerSettings {
    fn default() -> Self {
        Self {
            skew: Duration::from_secs(60),
            without_expiry: Duration::from_secs(5 * 60),
            longest_life: Duration::from_secs(366 * 24 * 60 * 60),
            capacity: 10_000,
            plugins: None,
        }
    }
}

/// The cache of tokens. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    settings: BrokerSettings,
    clock: Clock,
    redactor: Redactor,
    cache: Cache,
    counters: Counters,
    ended: Arc<Ended>,
}

impl Inner {
    fn forget(&self, workspace_id: &str) {
        self.cache
            .retain(|key| key.workspace_id.as_deref() != Some(workspace_id));
    }
}

impl Broker {
    /// An empty cache on the system's clock. `redactor` keeps each token out of the logs while it lives.
    #[must_use]
    pub fn new(settings: BrokerSettings, redactor: Redactor) -> Self {
        Self::with_clock(settings, redactor, Arc::new(jiff::Timestamp::now))
    }

    /// The same, on another wall clock.
    #[must_use]
    pub fn with_clock(settings: BrokerSettings, redactor: Redactor, wall: WallClock) -> Self {
        let (cache, clock) = (Cache::new(settings.capacity), Clock::new(wall));
        Self(Arc::new(Inner {
            settings,
            clock,
            redactor,
            cache,
            counters: Counters::default(),
            ended: Arc::default(),
        }))
    }

    /// A token that is good for at least [`BrokerSettings::skew`]. Must be called inside a tokio runtime.
    ///
    /// Waits for the provider at most until `call.deadline`. The provider itself gets its own budget, and goes on for
    /// the sake of others, and of the cache, when the caller gives up.
    ///
    /// # Errors
    /// The workspace is not one that the plugin applies to; the provider failed, or did lately and is not asked again yet; or what it handed back is no token to give away.
    pub async fn token(
        &self,
        provider: &Arc<Provider>,
        call: &Call,
        scope: &Scope,
    ) -> Result<Arc<Token>, TokenError> {
        provider.check(call)?;
        if let Some(token) = self.cached(provider, call, scope) {
            self.0.counters.hits.fetch_add(1, Relaxed);
            return Ok(token);
        }
        let inner = &self.0;
        inner.counters.misses.fetch_add(1, Relaxed);
        let slot = inner
            .cache
            .find_or_add(provider.key(call, scope), inner.clock.now());
        let mut flight = match slot.join(inner.clock.now(), |start| {
            self.mint(&slot, provider, call, start)
        }) {
            Joined::Done(result) => return result,
            Joined::Flight(flight) => flight,
        };
        let landed = flight.wait_for(Option::is_some);
        let landed = match call.deadline {
            None => landed.await,
            Some(deadline) => timeout_at(Instant::from_std(deadline), landed)
                .await
                .map_err(|_| provider.error(TokenErrorKind::CallerTimedOut))?,
        };
        let result = landed.ok().and_then(|result| result.clone());
        result.unwrap_or_else(|| Err(provider.error(TokenErrorKind::Stopped)))
    }

    /// Drops the cached token of this provider that has this value, so that the next ask gets a new one: at once the
    /// first time, and then at most every 5 seconds, so that nobody can wear out the provider. Says whether there was one.
    pub fn erase(&self, provider: &str, value: &str) -> bool {
        let now = self.0.clock.now();
        let same =
            |token: &Token| bool::from(token.value.expose().as_bytes().ct_eq(value.as_bytes()));
        let mut found = false;
        self.0
            .cache
            .each(|slot| found |= slot.key.provider.as_ref() == provider && slot.erase(now, same));
        found
    }

    /// Drops whatever is cached for this workspace alone, and fetches nothing more for it: it has ended.
    pub fn end_workspace(&self, workspace_id: &str) {
        // First, so that a fetch that begins meanwhile is refused, or seen by `quiet`.
        self.0.ended.end(workspace_id);
        self.0.forget(workspace_id);
    }

    /// The workspace runs, again perhaps.
    pub fn begin_workspace(&self, workspace_id: &str) {
        self.0.ended.begin(workspace_id);
    }

    /// Resolves when no token is being fetched for this workspace alone.
    pub async fn quiet(&self, workspace_id: &str) {
        self.0.ended.quiet(workspace_id).await;
    }

    /// How often the cache had a token, and how often a provider was asked.
    #[must_use]
    pub fn counts(&self) -> TokenCounts {
        self.0.counters.read()
    }

    /// How many tokens are cached, those that are being fetched included.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut count: usize = 0;
        self.0.cache.each(|_| count = count.saturating_add(1));
        count
    }

    /// Whether nothing is cached.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn cached(&self, provider: &Arc<Provider>, call: &Call, scope: &Scope) -> Option<Arc<Token>> {
        let now = self.0.clock.now();
        self.0.cache.find(&provider.lookup(call, scope), |slot| {
            let token = slot.usable(now)?;
            if slot.wants_refresh(now) {
                slot.refresh(now, |start| self.mint(slot, provider, call, start));
            }
            Some(token)
        })
    }

    fn mint(&self, slot: &Arc<Slot>, provider: &Arc<Provider>, call: &Call, start: slot::Start) {
        mint::start(
            Arc::clone(&self.0),
            Arc::clone(slot),
            Arc::clone(provider),
            call,
            start,
        );
    }
}
