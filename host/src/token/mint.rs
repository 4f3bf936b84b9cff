//! Asks the provider, in a task of its own: the flight goes on when the caller that started it gives up.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{sleep_until, timeout},
};

use super::{
    Inner, Provider, TokenErrorKind, fresh,
    slot::{Slot, Start},
};
use crate::{
    call::Call,
    capability::{Outcome, Scope, Token},
    fault::{Fault, FaultKind},
};

/// Starts the flight. Must be called inside a tokio runtime.
pub(super) fn start(
    inner: Arc<Inner>,
    slot: Arc<Slot>,
    provider: Arc<Provider>,
    call: &Call,
    start: Start,
) {
    let call = call.clone();
    tokio::spawn(async move {
        sleep_until(inner.clock.instant(start.not_before)).await;
        // Its deadline counts from now.
        let call = provider.visible(&call);
        let result = fetch(&inner, &slot, &provider, call)
            .await
            .map_err(TokenErrorKind::Provider);
        let now = inner.clock.now();
        let result =
            result.and_then(|token| fresh::check(token, now, &inner.settings, &inner.redactor));
        if result.is_err() {
            inner.counters.failures.fetch_add(1, Relaxed);
        }
        slot.land(
            result.map_err(|kind| provider.error(kind)),
            now,
            &start.landing,
        );
    });
}

/// # Errors
/// The workspace has ended; or as [`within_budget`].
async fn fetch(
    inner: &Inner,
    slot: &Slot,
    provider: &Arc<Provider>,
    call: Call,
) -> Result<Token, Fault> {
    let fetching = match slot.key.workspace_id.as_deref() {
        None => None,
        Some(workspace) => match inner.ended.fetch(workspace) {
            Some(fetching) => Some(fetching),
            None => {
                inner.forget(workspace);
                return Err(Fault::new(
                    FaultKind::Denied,
                    "expected a workspace that runs, found one that has ended; start it again",
                ));
            }
        },
    };
    inner.counters.refreshes.fetch_add(1, Relaxed);
    let plugins = inner.settings.plugins.as_ref();
    let result = within_budget(plugins, provider, call, slot.key.scope.clone()).await;
    drop(fetching);
    result
}

/// # Errors
/// The provider's own fault; or that it panicked, or took too long.
async fn within_budget(
    plugins: Option<&Handle>,
    provider: &Arc<Provider>,
    call: Call,
    scope: Scope,
) -> Result<Token, Fault> {
    let budget = provider.budget();
    // A task of its own, so that a panic ends that task and not the flight for which others wait. The timers stay on the runtime of
    // the flight: one whose thread is blocked may have nobody left who looks at its timers.
    let work = ask(Arc::clone(provider), call, scope);
    let mut work = match plugins {
        Some(plugins) => plugins.spawn(work),
        None => tokio::spawn(work),
    };
    match timeout(budget, &mut work).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) if error.is_panic() => Err(Fault::new(
            FaultKind::Panicked,
            "the provider panicked; this is a defect of the plugin",
        )),
        Ok(Err(_)) => Err(Fault::new(
            FaultKind::Cancelled,
            "the platform is shutting down",
        )),
        Err(_) => {
            work.abort();
            Err(timed_out(budget))
        }
    }
}

/// # Errors
/// The provider's fault.
async fn ask(provider: Arc<Provider>, call: Call, scope: Scope) -> Result<Token, Fault> {
    match provider.tokens.token(&call, &scope) {
        Outcome::Ready(result) => result,
        Outcome::Pending(later) => later.await,
    }
}

fn timed_out(budget: Duration) -> Fault {
    let message = format!(
        "expected a token within {budget:?}, found the provider still at work; raise the plugin's budget"
    );
    Fault::new(FaultKind::TimedOut, message)
}
