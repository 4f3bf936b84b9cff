//! What becomes of the platform's Pods, by one watch for all of them.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};
use kube::runtime::{
    WatchStreamExt as _,
    reflector::{self, ObjectRef, Store},
    utils::{Backoff, StreamBackoff},
    watcher,
};
use provisionhook_host::{
    runtime::{RuntimeError, RuntimeErrorKind},
    workspace_id::WorkspaceId,
};
use tokio::{sync::watch, time::Instant};
use tracing::{debug, info, warn};

use crate::{
    action::WATCH_PODS,
    cluster::{Cluster, Found},
    names, state,
};

/// Between two attempts to reach an API server that is away.
const PAUSE: Duration = Duration::from_secs(1);

/// The Pods as they were last heard of. When a watch has ended or expired they are listed anew, so nothing is missed.
#[derive(Clone)]
pub(crate) struct Pods {
    cluster: Arc<Cluster>,
    store: Store<Pod>,
    /// Counts what has happened.
    heard: watch::Receiver<u64>,
}

impl Pods {
    /// Begins to watch, until nobody listens any more.
    pub(crate) fn follow(cluster: Arc<Cluster>) -> Self {
        let (happened, heard) = watch::channel(0);
        let (store, writer) = reflector::store();
        let watched = Arc::clone(&cluster);
        tokio::spawn(async move {
            let closed = happened.clone();
            tokio::select! {
                () = closed.closed() => {}
                () = follow(&watched, writer, &happened) => {}
            }
        });
        Self {
            cluster,
            store,
            heard,
        }
    }

    /// Waits until `look` has found something in this Pod, or in its absence. None when `deadline` has passed.
    pub(crate) async fn until<T>(
        &self,
        id: &WorkspaceId,
        pod: &Pod,
        deadline: Option<Instant>,
        mut look: impl FnMut(Option<&Pod>) -> Option<T>,
    ) -> Result<Option<T>, RuntimeError> {
        let mut heard = self.heard.clone();
        loop {
            heard.mark_unchanged();
            let look_again = match self.current(id, pod).await {
                Ok(current) => {
                    if let Some(found) = look(current.as_deref()) {
                        return Ok(Some(found));
                    }
                    current
                        .and_then(|pod| state::look_again_at(&pod))
                        .map(from_now)
                }
                // The watch tells when it is back; but the first request may be too early for it.
                Err(error) if error.kind() == RuntimeErrorKind::Unavailable => Some(PAUSE),
                Err(error) => return Err(error),
            };
            let look_again = look_again.map(|pause| Instant::now() + pause);
            let Some(next) = [deadline, look_again].into_iter().flatten().min() else {
                happened(&mut heard).await;
                continue;
            };
            let _elapsed = tokio::time::timeout_at(next, happened(&mut heard)).await;
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
        }
    }

    /// This very Pod as it was last heard of; none if it is gone.
    async fn current(&self, id: &WorkspaceId, pod: &Pod) -> Result<Option<Arc<Pod>>, RuntimeError> {
        let (uid, namespace) = (&pod.metadata.uid, pod.metadata.namespace.as_deref());
        let key = ObjectRef::new(&self.cluster.name(id)).within(namespace.unwrap_or_default());
        let heard = self.store.get(&key);
        if let Some(heard) = heard.filter(|heard| heard.metadata.uid == *uid) {
            return Ok(Some(heard));
        }
        // It may be newer than what was heard.
        Ok(match self.cluster.find(id).await? {
            Found::Ours(found) if found.metadata.uid == *uid => Some(Arc::from(found)),
            Found::Ours(_) | Found::Nothing | Found::Stranger => None,
        })
    }
}

/// Never, if the task is gone, and with it the reactor that could wake anybody.
async fn happened(heard: &mut watch::Receiver<u64>) {
    if heard.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A little later than `at`, so that it has passed then.
fn from_now(at: i64) -> Duration {
    let left = at - Timestamp::now().as_millisecond() + 10;
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(Duration::from_millis(10))
}

async fn follow(
    cluster: &Cluster,
    writer: reflector::store::Writer<Pod>,
    happened: &watch::Sender<u64>,
) {
    let mut away = false;
    let api = loop {
        match cluster.pods().await {
            Ok(api) => break api,
            Err(error) => {
                tell(&mut away, &error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    let ours = watcher::Config::default().labels(&names::selector(&cluster.settings.platform));
    let events = StreamBackoff::new(watcher(api, ours), Steady).reflect(writer);
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(_) => {
                if std::mem::take(&mut away) {
                    info!("the API server is back");
                }
            }
            Err(error) => said(cluster, &mut away, error).await,
        }
        happened.send_modify(|number| *number += 1);
    }
}

/// What a watch that has failed says in the log, once until it goes on.
async fn said(cluster: &Cluster, away: &mut bool, error: watcher::Error) {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => {
            let error = cluster.failed(None, WATCH_PODS, &error).await;
            tell(away, &error);
        }
        watcher::Error::WatchError(status) => {
            debug!(
                code = status.code,
                "the watch has expired; the Pods are listed anew"
            );
        }
        watcher::Error::NoResourceVersion => debug!("the watch is begun anew"),
    }
}

fn tell(away: &mut bool, error: &RuntimeError) {
    if !std::mem::replace(away, true) {
        warn!(%error, "the Pods cannot be watched; workspaces go on, and are looked at when they can");
    }
}

/// Waits as long each time: an API server that restarts is back in seconds, and there is one watch only.
struct Steady;

impl Iterator for Steady {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(PAUSE)
    }
}

impl Backoff for Steady {
    fn reset(&mut self) {}
}
