//! What happens to the platform's containers, by one subscription for all of them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bollard::{errors::Error, query_parameters::EventsOptionsBuilder};
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use provisionhook_host::runtime::causes;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::{engine::Engine, names};

/// Between two attempts to subscribe again.
const PAUSE: Duration = Duration::from_secs(1);

/// How far back a subscription begins: what happens between a look at a container and the daemon's taking the subscription is told, too.
const BEFORE: SignedDuration = SignedDuration::from_secs(10);

/// Counts what has happened. Whoever waits for a container looks at it again when the number has changed.
#[derive(Clone)]
pub(crate) struct Events(watch::Receiver<u64>);

impl Events {
    /// Subscribes, and subscribes again when the daemon was away, until nobody listens any more.
    pub(crate) fn follow(engine: Arc<Engine>) -> Self {
        let (happened, listener) = watch::channel(0);
        tokio::spawn(async move {
            let mut away = false;
            while !happened.is_closed() {
                // Something may have happened while nobody listened.
                happened.send_modify(|number| *number += 1);
                let ended = subscribe(&engine, &happened, &mut away).await;
                if happened.is_closed() {
                    break;
                }
                if !away {
                    away = true;
                    warn!(
                        error = ended.map_or_else(
                            || "the subscription ended".to_owned(),
                            |error| causes(&error)
                        ),
                        "the container daemon is away; workspaces go on, and are looked at when it is back"
                    );
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self(listener)
    }

    /// Resolves when something has happened since `self` was made or last resolved.
    pub(crate) async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The task is gone, and with it the reactor that could wake anybody.
            std::future::pending::<()>().await;
        }
    }
}

async fn subscribe(
    engine: &Engine,
    happened: &watch::Sender<u64>,
    away: &mut bool,
) -> Option<Error> {
    let docker = match engine.docker().await {
        Ok(docker) => docker,
        Err(error) => return Some(error),
    };
    if let Err(error) = docker.ping().await {
        return Some(error);
    }
    if std::mem::take(away) {
        info!("the container daemon is back");
    }
    let mut filter: HashMap<String, Vec<String>> = names::filter(&engine.settings.platform);
    filter.insert("type".to_owned(), vec!["container".to_owned()]);
    let since = Timestamp::now().as_duration() - BEFORE;
    let options = EventsOptionsBuilder::new()
        .filters(&filter)
        .since(&since.as_secs().to_string())
        .build();
    // Nothing is sent before it is polled.
    let mut events = docker.events(Some(options));
    happened.send_modify(|number| *number += 1);
    loop {
        tokio::select! {
            () = happened.closed() => return None,
            event = events.next() => match event {
                Some(Ok(event)) => {
                    debug!(action = event.action, "container event");
                    happened.send_modify(|number| *number += 1);
                }
                Some(Err(error)) => return Some(error),
                None => return None,
            },
        }
    }
}
