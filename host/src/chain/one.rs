//! One call of one plugin while a workspace runs, or after it has ended: with the breaker and the budget that hold in the
//! chain, and given up in time whatever the plugin does.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{
    Attempt, ChainError, Settings,
    contribute::contribution,
    within::{GRACE, Watched, within},
};
use crate::{
    call::Call,
    capability::{Again, Outcome, WorkspaceLifecycle},
    clock::coarse_now,
    fault::Fault,
    files::ContributedFile,
    registry::{Plugin, Snapshot},
};

/// Calls one plugin at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// The runtime of the plugins.
    pub(crate) runtime: &'a Handle,
    /// The budget of a plugin that has none of its own.
    pub(crate) settings: &'a Settings,
}

impl Caller<'_> {
    /// The files that the plugin wants to be there now, and when to ask again.
    ///
    /// # Errors
    /// The plugin's own fault; or it may not be called, does not answer, or put what it may not.
    pub(crate) async fn contribute(
        &self,
        plugin: &Arc<Plugin>,
        call: Call,
    ) -> Result<(Vec<ContributedFile>, Again), Fault> {
        let settings = self.settings.clone();
        self.one(plugin, call, |watch, call| async move {
            contribution(only(&watch), &mut attempt(&call, &settings)).await
        })
        .await
    }

    /// Makes a call of the plugin's `workspace-lifecycle/1`.
    ///
    /// # Errors
    /// As [`contribute`](Self::contribute).
    pub(crate) async fn lifecycle<T: Default + Send + 'static>(
        &self,
        plugin: &Arc<Plugin>,
        call: Call,
        begin: for<'a> fn(&'a dyn WorkspaceLifecycle, &'a Call) -> Outcome<'a, T>,
    ) -> Result<T, Fault> {
        let settings = self.settings.clone();
        self.one(plugin, call, move |watch, call| async move {
            let plugin = only(&watch);
            let Some(lifecycle) = plugin.lifecycle.as_deref() else {
                return Ok(T::default());
            };
            let mut attempt = attempt(&call, &settings);
            attempt.guard(plugin, || begin(lifecycle, &call)).await
        })
        .await
    }

    /// # Errors
    /// Those of `work`, and that it was given up.
    async fn one<T, W>(
        &self,
        plugin: &Arc<Plugin>,
        call: Call,
        work: impl FnOnce(Watched, Call) -> W,
    ) -> Result<T, Fault>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        // A little longer than the plugin's own share, so that it is this that is said to be over.
        let share = plugin.policy.budget.unwrap_or(self.settings.plugin_budget);
        let name = plugin.name.clone();
        let work = |watch: Watched, call| {
            watch.progress().enter(0);
            let work = work(watch, call);
            async move {
                work.await.map_err(|fault| ChainError {
                    plugin: name,
                    fault,
                    steps: Vec::new(),
                })
            }
        };
        let plugins = Arc::new(Snapshot::only(Arc::clone(plugin)));
        within(self.runtime, share + GRACE, plugins, call, work)
            .await
            .map_err(|error| error.fault)
    }
}

fn attempt<'a>(call: &'a Call, settings: &'a Settings) -> Attempt<'a> {
    Attempt {
        call,
        settings,
        now: coarse_now(),
    }
}

/// The plugin of a snapshot that was made with one.
fn only(watch: &Watched) -> &Plugin {
    &watch.plugins()[0]
}
