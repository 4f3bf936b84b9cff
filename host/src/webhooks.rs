//! Tells others of events: each that a webhook asks for is posted, signed, one after the other, until it has been taken.
//!
//! A webhook reads the log at its receiver's pace, and how far it has come is in the store. So a receiver that is down costs no
//! memory, holds no other webhook up, and hears of everything when it is back, also after a restart of the platform: of each event at
//! least once, and more often only if an answer was lost.

mod counts;
mod courier;
mod key;
mod post;
mod target;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{task::JoinSet, time::sleep};

use self::{
    counts::{Counts, Lag},
    courier::Courier,
    post::Post,
};
pub use self::{
    key::{BadKey, SigningKey},
    target::{BadUrl, Target},
};
use crate::{
    events::{EventLog, Filter},
    metrics::Metrics,
    services::http::HttpClient,
};

/// One webhook, as the operator describes it.
pub struct Webhook {
    /// What the log, metrics and the store call it.
    pub name: String,
    /// Where events are posted.
    pub target: Target,
    /// What to sign with; more than one while a key is being replaced.
    pub keys: Vec<SigningKey>,
    /// Which events.
    pub filter: Filter,
    /// For how long an event is tried.
    pub give_up_after: Duration,
}

/// The webhooks of a platform. Clones share them.
#[derive(Clone)]
pub struct Webhooks {
    hooks: Arc<[Arc<Hook>]>,
    log: EventLog,
}

/// A webhook that can be worked with.
struct Hook {
    name: String,
    keys: ArcSwap<Vec<SigningKey>>,
    filter: Filter,
    give_up_after: Duration,
    post: Post,
    counts: Counts,
    lag: Arc<Lag>,
}

impl Webhooks {
    /// Webhooks that read this log and reach out through this client, counted in these metrics.
    #[must_use]
    pub fn new(
        webhooks: Vec<Webhook>,
        client: &HttpClient,
        log: EventLog,
        metrics: &Metrics,
    ) -> Self {
        let lags: Vec<_> = webhooks
            .iter()
            .map(|webhook| Arc::new(Lag::new(&webhook.name)))
            .collect();
        let counts = counts::shown_by(metrics, &lags);
        let hooks = webhooks.into_iter().zip(lags).map(|(webhook, lag)| {
            Arc::new(Hook {
                post: Post::new(client, webhook.target),
                name: webhook.name,
                keys: ArcSwap::from_pointee(webhook.keys),
                filter: webhook.filter,
                give_up_after: webhook.give_up_after,
                counts: counts.clone(),
                lag,
            })
        });
        Self {
            hooks: hooks.collect(),
            log,
        }
    }

    /// Signs with these keys from the next attempt on, by the name of the webhook. Says whether that is a change.
    pub fn replace_keys(&self, mut keys: BTreeMap<String, Vec<SigningKey>>) -> bool {
        let mut changed = false;
        for hook in self.hooks.iter() {
            if let Some(keys) = keys.remove(&hook.name)
                && **hook.keys.load() != keys
            {
                hook.keys.store(Arc::new(keys));
                changed = true;
            }
        }
        changed
    }

    /// Delivers until it is dropped. What was under way then is delivered again by the next platform.
    pub async fn run(&self) {
        let places = self.places().await;
        let mut couriers = JoinSet::new();
        for (hook, passed) in self.hooks.iter().zip(places) {
            let courier = Courier::new(Arc::clone(hook), self.log.clone());
            couriers.spawn(courier.run(passed));
        }
        couriers.join_all().await;
        // Those whose receivers are gone have ended; whoever waits for this waits for the platform's end.
        std::future::pending().await
    }

    /// How far they have come. A store that cannot write down which webhooks there are, as on a full disk, holds up these and nothing else.
    async fn places(&self) -> Vec<i64> {
        let names: Vec<_> = self.hooks.iter().map(|hook| hook.name.clone()).collect();
        let mut told = false;
        loop {
            match self.log.webhooks(names.clone()).await {
                Ok(places) => {
                    if told {
                        tracing::info!("which webhooks there are is on record: they deliver");
                    }
                    return places;
                }
                Err(error) if !told => {
                    told = true;
                    tracing::error!(%error, "which webhooks there are could not be recorded: nothing is delivered until it can be; it is tried again");
                }
                Err(_) => {}
            }
            sleep(courier::PAUSE).await;
        }
    }
}
