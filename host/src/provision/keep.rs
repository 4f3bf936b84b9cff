//! Keeps running workspaces supplied: has plugins renew what they hold upstream, and puts files that have changed.
//!
//! A workspace whose plugins ask for nothing costs nothing: it has no task.

mod jobs;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::{sleep_until, timeout},
};

use crate::{
    call::Call,
    capability::Again,
    chain::{self, Asked, Caller, selects},
    fault::{Fault, FaultKind},
    files::FilePath,
    provision::{Inner, launch::call},
    redact::Guard,
    registry::Plugin,
    store::{TokenHash, WorkspaceRecord},
    workspace_id::WorkspaceId,
};

use jobs::{Jobs, Kind};

/// How many calls run at once for all workspaces. A restart of the platform makes them all due together.
const AT_ONCE: usize = 16;
/// How long a call that is under way when its workspace ends is waited for.
const PATIENCE: Duration = Duration::from_secs(3);
/// For how many contributions back the secrets are kept out of what is shown: the one before may still open doors.
const GUARDED: usize = 2;

/// The tasks, by workspace.
pub(super) struct Keepers {
    running: Mutex<HashMap<WorkspaceId, Keeper>>,
    at_once: Semaphore,
}

struct Keeper {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Of the last contributions of each plugin, the oldest first. Here and not in the task, which may have nothing more to
    /// do long before the workspace ends.
    guards: HashMap<String, Vec<Vec<Guard>>>,
}

impl Default for Keepers {
    fn default() -> Self {
        Self {
            running: Mutex::default(),
            at_once: Semaphore::new(AT_ONCE),
        }
    }
}

impl Keepers {
    fn running(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Keeper>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the guards of a contribution until the workspace ends, or the plugin has made two more.
    fn hold(&self, id: &WorkspaceId, plugin: &str, guards: Vec<Guard>) {
        if let Some(keeper) = self.running().get_mut(id) {
            let held = keeper.guards.entry(plugin.to_owned()).or_default();
            held.push(guards);
            held.drain(..held.len().saturating_sub(GUARDED));
        }
    }

    /// Lets no call begin for this workspace from now on.
    pub(super) fn stop(&self, id: &WorkspaceId) {
        if let Some(keeper) = self.running().get(id) {
            keeper.stop.send_replace(true);
        }
    }

    /// Stops, and waits for the call that is under way. One that does not return in time is dropped.
    pub(super) async fn stopped(&self, id: &WorkspaceId) {
        self.stop(id);
        let keeper = self.running().remove(id);
        if let Some(Keeper { task, .. }) = keeper {
            let abort = task.abort_handle();
            if timeout(PATIENCE, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Inner {
    /// Begins to keep a workspace whose run has this token. `asked` is what its plugins said when they were asked for its
    /// files; `None` if that was another platform.
    pub(super) fn keep(
        self: &Arc<Self>,
        record: &WorkspaceRecord,
        run: TokenHash,
        asked: Option<Vec<Asked>>,
    ) {
        let call = call(record);
        let plugins = self.registry.snapshot();
        let selected = plugins
            .iter()
            .filter(|plugin| selects(&plugin.policy.selector, &call.attributes));
        let jobs = Jobs::new(selected, asked);
        if jobs.is_empty() {
            return;
        }
        let (stop, stopped) = watch::channel(false);
        let round = Round {
            inner: Arc::clone(self),
            id: record.id.clone(),
            run,
            call,
            stopped,
        };
        let task = tokio::spawn(round.go_on(jobs));
        let keeper = Keeper {
            stop,
            task,
            guards: HashMap::new(),
        };
        self.keepers.running().insert(record.id.clone(), keeper);
    }

    pub(super) const fn caller(&self) -> Caller<'_> {
        Caller {
            runtime: &self.plugins,
            settings: &self.settings.chain,
        }
    }

    /// The plugin of this name that can do this.
    pub(super) fn able(&self, name: &str, able: impl Fn(&Plugin) -> bool) -> Option<Arc<Plugin>> {
        let plugins = self.registry.snapshot();
        let found = plugins
            .iter()
            .find(|plugin| plugin.name == name && able(plugin));
        found.cloned()
    }
}

/// The keeping of one run of one workspace.
struct Round {
    inner: Arc<Inner>,
    id: WorkspaceId,
    run: TokenHash,
    call: Call,
    stopped: watch::Receiver<bool>,
}

impl Round {
    async fn go_on(self, mut jobs: Jobs) {
        let mut stopped = self.stopped.clone();
        while let Some(due) = jobs.next_due() {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = self.inner.tasks.closed() => return,
                () = sleep_until(due) => {}
            }
            // The semaphore is never closed.
            let inner = Arc::clone(&self.inner);
            let _permit = inner.keepers.at_once.acquire().await;
            if *stopped.borrow() {
                return;
            }
            let Some(job) = jobs.take_due() else { continue };
            let Some(plugin) = inner.able(&job.plugin, |plugin| job.kind.suits(plugin)) else {
                tracing::warn!(workspace = %self.id, plugin = job.plugin, call = job.kind.name(), "a plugin that kept a workspace is not there any more");
                continue;
            };
            let result = self.call(&plugin, job.kind).await;
            self.inner
                .metrics
                .called(job.kind.name(), &plugin.name, result.as_ref().err());
            if let Err(fault) = &result {
                self.log(&plugin, job.kind, fault);
            }
            jobs.put_back(job, result);
        }
    }

    async fn call(&self, plugin: &Arc<Plugin>, kind: Kind) -> Result<Again, Fault> {
        let (inner, call) = (Arc::clone(&self.inner), self.call.clone());
        match kind {
            Kind::Tend => {
                let caller = inner.caller();
                caller
                    .lifecycle(plugin, call, |lifecycle, call| lifecycle.tend(call))
                    .await
            }
            Kind::Contribute => {
                let (files, again) = inner.caller().contribute(plugin, call).await?;
                let guards = chain::protect(files.iter(), &inner.redactor);
                inner.keepers.hold(&self.id, &plugin.name, guards);
                let mut stopped = self.stopped.clone();
                // Who ends the workspace holds its turn, and waits for this.
                let _turn = tokio::select! {
                    _ = stopped.wait_for(|stopped| *stopped) => return Ok(again),
                    turn = inner.tasks.turn(&self.id) => turn,
                };
                let put = inner
                    .update_files(&self.id, self.run, &plugin.name, files)
                    .await?;
                self.log_put(plugin, &put);
                Ok(again)
            }
        }
    }

    fn log_put(&self, plugin: &Plugin, put: &[FilePath]) {
        if !put.is_empty() {
            let paths: Vec<_> = put.iter().map(FilePath::as_str).collect();
            tracing::info!(workspace = %self.id, plugin = plugin.name, files = paths.join(", "), "files of a running workspace replaced");
        }
    }

    fn log(&self, plugin: &Plugin, kind: Kind, fault: &Fault) {
        let (workspace, plugin, call) = (&self.id, &*plugin.name, kind.name());
        if fault.kind == FaultKind::Transient {
            tracing::warn!(%workspace, plugin, call, kind = %fault.kind, cause = %fault, "a plugin could not keep a workspace; it is asked again");
        } else {
            tracing::error!(%workspace, plugin, call, kind = %fault.kind, cause = %fault, "a plugin could not keep a workspace; it is asked again");
        }
    }
}
