//! A plugin's provider behind that plugin's breaker and counters, as its mutator is in the chain.

use std::{sync::Arc, thread, time::Instant};

use crate::{
    call::Call,
    capability::{Outcome, Scope, Token, TokenProvider},
    fault::{Fault, FaultKind},
    registry::Plugin,
};

/// Calls the provider of `plugin` only while its breaker lets calls through, and reports how each ended.
pub(super) struct Guarded {
    pub(super) plugin: Arc<Plugin>,
    pub(super) tokens: Arc<dyn TokenProvider>,
}

impl TokenProvider for Guarded {
    fn token<'a>(&'a self, call: &'a Call, scope: &'a Scope) -> Outcome<'a, Token> {
        if let Err(fault) = self.plugin.health.admit() {
            return Outcome::Ready(Err(fault));
        }
        let record = Record {
            plugin: &self.plugin,
            begun: Instant::now(),
            result: None,
        };
        match self.tokens.token(call, scope) {
            Outcome::Ready(result) => Outcome::Ready(record.end(result)),
            Outcome::Pending(later) => Outcome::Pending(Box::pin(async move {
                let result = later.await;
                record.end(result)
            })),
        }
    }
}

/// Reports the end of a call when it is dropped, so that no way of ending it is missed.
struct Record<'a> {
    plugin: &'a Plugin,
    begun: Instant,
    /// The kind of fault, or none; outer `None` while the call goes on.
    result: Option<Option<FaultKind>>,
}

impl Record<'_> {
    /// # Errors
    /// The call's own.
    fn end(mut self, result: Result<Token, Fault>) -> Result<Token, Fault> {
        self.result = Some(result.as_ref().err().map(|fault| fault.kind));
        result
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        // A call that is dropped before its end panicked, or was given up when its budget was spent.
        let unfinished = if thread::panicking() {
            FaultKind::Panicked
        } else {
            FaultKind::TimedOut
        };
        self.plugin.health.record(
            self.result.unwrap_or(Some(unfinished)),
            self.begun.elapsed(),
        );
    }
}
