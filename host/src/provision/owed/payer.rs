//! Tells the plugins of one workspace, again and again, until nothing is due.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::sleep,
};

use crate::{
    back_off::BackOff,
    call::Call,
    fault::{Fault, FaultKind},
    provision::{
        Inner, ProvisionError,
        events::{Cleanup, cleanup},
    },
    store::Owed,
    unix_ms,
    workspace_id::WorkspaceId,
};

/// A plugin that fails for so long is not told any more.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Whoever pays for one workspace.
pub(super) struct Payer {
    /// Try now.
    hurry: Notify,
    progress: watch::Sender<Progress>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// How often it has tried.
    pub(super) tries: u64,
    /// How many plugins have yet to answer.
    pub(super) left: usize,
}

impl Payer {
    pub(super) fn new(left: usize) -> Self {
        Self {
            hurry: Notify::new(),
            progress: watch::Sender::new(Progress { tries: 0, left }),
        }
    }

    /// Something has fallen due anew.
    pub(super) fn hurry(&self, left: usize) {
        self.progress.send_modify(|now| now.left = left);
        self.hurry.notify_one();
    }

    pub(super) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Resolves when nothing is left.
    pub(super) async fn paid(&self) {
        // The sender is in self, so this does not fail.
        drop(self.watch().wait_for(|now| now.left == 0).await);
    }
}

/// What came of one try.
enum Told {
    /// Nothing is due any more.
    All,
    /// So many have not answered, one of them like this.
    Not(usize, Fault),
    /// The platform shuts down; the next one goes on.
    Ending,
}

/// The task of a payer.
pub(super) async fn pay(inner: Arc<Inner>, id: WorkspaceId, payer: Arc<Payer>) {
    let mut back_off = BackOff::default();
    loop {
        let (left, pause) = match inner.tell_all(&id).await {
            Told::All => break,
            Told::Not(left, fault) => (left, back_off.after(&fault)),
            Told::Ending => return,
        };
        payer.progress.send_modify(|now| {
            now.tries += 1;
            now.left = left;
        });
        inner.debts.show(&inner.metrics);
        tokio::select! {
            () = inner.tasks.closed() => return,
            () = payer.hurry.notified() => back_off.reset(),
            () = sleep(pause) => {}
        }
    }
    inner.debts.payers().remove(&id);
    payer.progress.send_modify(|now| now.left = 0);
    inner.debts.show(&inner.metrics);
    // What fell due after the last look, and hurried this one in vain.
    inner.pay_rest(&id).await;
}

impl Inner {
    async fn pay_rest(self: &Arc<Self>, id: &WorkspaceId) {
        match self.records.owed(id).await {
            Ok(owed) => {
                let due = owed.iter().filter(|owed| owed.due_since.is_some()).count();
                if due > 0 {
                    self.payer(id, due);
                }
            }
            Err(error) => log(id, &error),
        }
    }

    async fn tell_all(self: &Arc<Self>, id: &WorkspaceId) -> Told {
        let Some(_task) = self.tasks.begin() else {
            return Told::Ending;
        };
        let _telling = self.debts.telling.of(id).await;
        // Or a token that is fetched right now would be there after the plugin has cleaned up.
        self.broker.quiet(id.as_str()).await;
        let owed = match self.records.owed(id).await {
            Ok(owed) => owed,
            Err(error) => {
                log(id, &error);
                return Told::Not(1, Fault::new(FaultKind::Internal, error.to_string()));
            }
        };
        let mut calls = JoinSet::new();
        for owed in owed {
            // One that is not due belongs to a workspace that has begun anew.
            if let Some(since) = owed.due_since {
                let inner = Arc::clone(self);
                calls.spawn(async move { inner.tell(owed, since).await });
            }
        }
        let answers = calls.join_all().await;
        let faults: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
        let left = faults.len();
        let slowest = faults.into_iter().max_by_key(|fault| fault.retry_after);
        slowest.map_or(Told::All, |fault| Told::Not(left, fault))
    }

    /// Tells one plugin, and strikes it off if it has heard or never will.
    async fn tell(&self, owed: Owed, since: i64) -> Result<(), Fault> {
        let Owed {
            id,
            plugin: name,
            attributes,
            ..
        } = owed;
        let Some(plugin) = self.able(&name, |plugin| plugin.lifecycle.is_some()) else {
            tracing::warn!(workspace = %id, plugin = name, "a plugin that is to hear that the workspace has ended is not there any more; what it made upstream may be left");
            return self.strike_off(&id, &name, Cleanup::Absent).await;
        };
        let call = Call {
            attributes,
            ..Call::default()
        };
        let caller = self.caller();
        let answer = caller
            .lifecycle(&plugin, call, |lifecycle, call| lifecycle.ended(call))
            .await;
        self.metrics.called("ended", &name, answer.as_ref().err());
        let outcome = match answer {
            Ok(()) => {
                tracing::debug!(workspace = %id, plugin = name, "the plugin has cleaned up");
                Cleanup::Applied
            }
            Err(fault) if is_old(since) => {
                tracing::error!(workspace = %id, plugin = name, kind = %fault.kind, cause = %fault, "gave up telling a plugin that the workspace has ended; what it made upstream for it, such as leases and tokens, may be left until it expires: revoke it there by hand");
                Cleanup::GivenUp
            }
            Err(fault) => {
                tracing::warn!(workspace = %id, plugin = name, kind = %fault.kind, cause = %fault, "a plugin could not clean up after a workspace; it is told again");
                return Err(fault);
            }
        };
        self.strike_off(&id, &name, outcome).await
    }

    async fn strike_off(
        &self,
        id: &WorkspaceId,
        plugin: &str,
        outcome: Cleanup,
    ) -> Result<(), Fault> {
        let settled = self.records.settle(id, plugin, cleanup(plugin, outcome));
        settled.await.map_err(|error| {
            log(id, &error);
            Fault::new(FaultKind::Internal, error.to_string())
        })
    }
}

fn is_old(since: i64) -> bool {
    let age = unix_ms::now().saturating_sub(since);
    u64::try_from(age).is_ok_and(|age| age >= crate::clock::millis(GIVE_UP_AFTER))
}

fn log(id: &WorkspaceId, error: &ProvisionError) {
    tracing::error!(workspace = %id, error = error.causes(), "what is owed to plugins could not be read or recorded");
}
