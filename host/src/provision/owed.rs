//! Tells plugins that a workspace has ended, until each has answered: whatever goes down meanwhile, this platform too.
//!
//! What is owed is recorded before the chain begins, falls due when the workspace has ended, and is struck off plugin by
//! plugin. A workspace that begins anew meanwhile owes nothing until it ends again, because a plugin cannot tell its runs
//! apart: it would clean up what the new one uses.

mod payer;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use crate::{
    chain::selects,
    metrics::Metrics,
    provision::{Inner, Outcome, ProvisionError, Provisioner, launch::call},
    runtime::Turns,
    store::WorkspaceRecord,
    workspace_id::WorkspaceId,
};

use payer::{Payer, Progress};

/// What is owed right now.
#[derive(Default)]
pub(super) struct Debts {
    /// Held while plugins are told, and when a workspace begins: it waits until nobody cleans up behind it.
    telling: Turns,
    /// A task for each workspace of which something is due.
    payers: Mutex<HashMap<WorkspaceId, Arc<Payer>>>,
}

/// The first try to tell all that are to hear of one end.
pub(super) struct FirstTry(Option<(u64, watch::Receiver<Progress>)>);

impl FirstTry {
    /// Waits until it has ended, but not longer than `patience`.
    pub(super) async fn wait(self, patience: Duration) {
        if let Some((tries, mut progress)) = self.0 {
            let ended = progress.wait_for(|now| now.tries > tries || now.left == 0);
            // Whoever is too slow, or shut down meanwhile, is told in the background, or at the next start.
            drop(timeout(patience, ended).await);
        }
    }
}

impl Debts {
    fn payers(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<Payer>>> {
        self.payers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To how many plugins something is due, over all workspaces.
    fn left(&self) -> usize {
        left(&self.payers())
    }

    /// Shows that. Counted and shown under one lock: of two at the same time the later one is right.
    fn show(&self, metrics: &Metrics) {
        let payers = self.payers();
        metrics.owed(left(&payers));
    }
}

fn left(payers: &HashMap<WorkspaceId, Arc<Payer>>) -> usize {
    payers.values().map(|payer| payer.progress().left).sum()
}

impl Provisioner {
    /// Waits at most `limit` until every plugin has heard of the workspaces that have ended, and says how many have not.
    pub async fn settle(&self, limit: Duration) -> usize {
        let debts = &self.0.debts;
        let all = async {
            loop {
                let one = debts.payers().values().next().cloned();
                let Some(payer) = one else { return };
                payer.paid().await;
            }
        };
        drop(timeout(limit, all).await);
        debts.left()
    }
}

impl Inner {
    /// Records that the plugins with a `workspace-lifecycle/1` are to hear when this workspace ends.
    pub(super) async fn owe(&self, record: &WorkspaceRecord) -> Outcome<()> {
        let attributes = call(record).attributes;
        let plugins = self.registry.snapshot();
        let concerned = plugins.iter().filter(|plugin| {
            plugin.lifecycle.is_some() && selects(&plugin.policy.selector, &attributes)
        });
        let names: BTreeSet<_> = concerned.map(|plugin| plugin.name.clone()).collect();
        let names: Vec<_> = names.into_iter().collect();
        let _telling = self.debts.telling.of(&record.id).await;
        self.records.owe(&record.id, attributes, names).await
    }

    /// Begins to tell the plugins that are to hear that this workspace has ended. The caller holds its turn.
    pub(super) async fn pay(self: &Arc<Self>, id: &WorkspaceId) -> FirstTry {
        self.due(id).await.unwrap_or_else(|error| {
            self.pay_later(id, &error);
            FirstTry(None)
        })
    }

    fn pay_later(self: &Arc<Self>, id: &WorkspaceId, error: &ProvisionError) {
        tracing::error!(workspace = %id, error = error.causes(), "the plugins are not told yet that the workspace has ended: it is tried again until they can be");
        self.finish_later(id);
    }

    /// The same, unless it runs, or was left as it is because it could not be stopped.
    pub(super) async fn pay_if_ended(self: &Arc<Self>, id: &WorkspaceId) -> Outcome<()> {
        let record = self.records.find(id).await?;
        if record.is_none_or(|record| record.state.has_ended()) {
            self.due(id).await?;
        }
        Ok(())
    }

    async fn due(self: &Arc<Self>, id: &WorkspaceId) -> Outcome<FirstTry> {
        let due = self.records.fall_due(id).await?;
        Ok(FirstTry((due > 0).then(|| self.payer(id, due))))
    }

    /// After a start: what is owed of workspaces that do not run any more.
    pub(super) async fn pay_all(self: &Arc<Self>) -> Outcome<()> {
        let owed: BTreeSet<_> = self.records.all_owed().await?.into_iter().collect();
        for id in owed {
            let _turn = self.tasks.turn(&id).await;
            if let Err(error) = self.pay_if_ended(&id).await {
                self.pay_later(&id, &error);
            }
        }
        Ok(())
    }

    /// The task that pays for this workspace, with how often it has tried: the one at work, or a new one.
    fn payer(self: &Arc<Self>, id: &WorkspaceId, due: usize) -> (u64, watch::Receiver<Progress>) {
        let mut payers = self.debts.payers();
        let payer = match payers.get(id) {
            Some(payer) => {
                payer.hurry(due);
                Arc::clone(payer)
            }
            None => {
                let payer = Arc::new(Payer::new(due));
                payers.insert(id.clone(), Arc::clone(&payer));
                tokio::spawn(payer::pay(Arc::clone(self), id.clone(), Arc::clone(&payer)));
                payer
            }
        };
        drop(payers);
        self.debts.show(&self.metrics);
        (payer.progress().tries, payer.watch())
    }
}
