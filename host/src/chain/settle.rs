//! What a call comes to: its edits are kept or dropped, and the run goes on or fails.

use crate::{
    env::{Edits, Refusal},
    fault::{Fault, FaultKind},
    policy::OnTransient,
    redact,
    registry::Plugin,
};

/// What becomes of a call.
#[derive(Debug)]
pub(super) enum Settled {
    /// Its edits are kept.
    Kept,
    /// Its edits are dropped, and the run goes on without them.
    Skipped(Fault),
    /// The run fails.
    Failed(Fault),
}

/// Ends the transaction that `result` is the answer of.
#[inline]
pub(super) fn settle(plugin: &Plugin, edits: &mut Edits, result: Result<(), Fault>) -> Settled {
    match result {
        Ok(()) if edits.is_lost() => Settled::Failed(lost()),
        Ok(()) => match edits.commit() {
            Ok(()) => Settled::Kept,
            Err(refusal) => Settled::Failed(refused(&refusal)),
        },
        Err(fault) => settle_fault(plugin, edits, fault),
    }
}

#[cold]
fn settle_fault(plugin: &Plugin, edits: &mut Edits, fault: Fault) -> Settled {
    // The values of this very call are protected by nobody yet, and the plugin may have put them into its message.
    let message = redact::without(&fault.message, edits.secrets()).into_owned();
    let fault = Fault { message, ..fault };
    if let Some(refusal) = edits.rollback() {
        return Settled::Failed(refused(&refusal));
    }
    if is_skipped(plugin, &fault) && !edits.is_lost() {
        tracing::warn!(plugin = plugin.name, kind = %fault.kind, cause = %fault, "plugin skipped");
        return Settled::Skipped(fault);
    }
    Settled::Failed(fault)
}

/// Whether the operator lets the run go on without a plugin that failed like this.
pub(super) fn is_skipped(plugin: &Plugin, fault: &Fault) -> bool {
    fault.kind == FaultKind::Transient && plugin.policy.on_transient == OnTransient::Skip
}

/// The fault of a plugin whose `get`, `set` or `unset` the host refused.
#[cold]
pub(super) fn refused(refusal: &Refusal) -> Fault {
    Fault::new(FaultKind::Config, refusal.to_string())
}

#[cold]
fn lost() -> Fault {
    Fault::new(
        FaultKind::Internal,
        "expected the environment of the run back from the call, found none; report it to the platform's authors",
    )
}
