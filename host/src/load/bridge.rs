//! From the traits of the host to the functions of a loaded plugin, by the execution class that its manifest declares.

#![expect(unsafe_code, reason = "enters a frame on the stack")]

use std::{sync::Arc, time::Instant};

use tokio::sync::oneshot;

use super::{
    blocking::Pool,
    entry::{MutateFn, TokenFn},
    frame::{Boxed, Entered, Frame},
    host_table::HostTable,
    instance::Slot,
    rebuild::Rebuilt,
    subject::{GetToken, Mutate, Subject},
};
use crate::{
    call::Call,
    capability::{EnvMutator, Outcome, Scope, Token, TokenProvider},
    env::Edits,
    fault::{Fault, FaultKind},
};

/// A loaded plugin, ready to be called.
pub(super) struct Core {
    pub(super) plugin: Arc<Rebuilt>,
    pub(super) class: Class,
}

/// How its calls behave.
pub(super) enum Class {
    Inline,
    Async,
    Blocking(Pool),
}

/// `env-mutator/1` of a loaded plugin.
pub(super) struct Mutator {
    pub(super) core: Arc<Core>,
    pub(super) function: MutateFn,
}

/// `token-provider/1` of a loaded plugin.
pub(super) struct Provider {
    pub(super) core: Arc<Core>,
    pub(super) function: TokenFn,
}

impl EnvMutator for Mutator {
    #[inline]
    fn mutate<'a>(&'a self, call: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()> {
        let core = &self.core;
        if let Class::Blocking(pool) = &core.class {
            return Outcome::Pending(Box::pin(self.mutate_blocking(pool, call, edits)));
        }
        let subject = Mutate::new(self.function, edits);
        match core.plugin.instances.healthy() {
            Some(slot) => core.call(slot, call, subject),
            None => Outcome::Pending(Box::pin(core.call_rebuilt(call, subject))),
        }
    }
}

impl Mutator {
    /// The plugin writes into a copy: if the caller stops waiting, what a late plugin does harms nobody.
    async fn mutate_blocking(
        &self,
        pool: &Pool,
        call: &Call,
        edits: &mut Edits,
    ) -> Result<(), Fault> {
        let mut copy = edits.clone();
        let function = self.function;
        let job = move |core: &Core, call: &Call| {
            let result = core.call_here(call, Mutate::new(function, &mut copy));
            // Given back either way: the edits remember why one was refused.
            Ok((copy, result))
        };
        let (copy, result) = self.core.call_on(pool, call, job).await?;
        *edits = copy;
        result
    }
}

impl TokenProvider for Provider {
    fn token<'a>(&'a self, call: &'a Call, scope: &'a Scope) -> Outcome<'a, Token> {
        let core = &self.core;
        if let Class::Blocking(pool) = &core.class {
            let (scope, function) = (scope.clone(), self.function);
            let job = move |core: &Core, call: &Call| {
                core.call_here(call, GetToken::new(function, &scope))
            };
            return Outcome::Pending(Box::pin(core.call_on(pool, call, job)));
        }
        let subject = GetToken::new(self.function, scope);
        match core.plugin.instances.healthy() {
            Some(slot) => core.call(slot, call, subject),
            None => Outcome::Pending(Box::pin(core.call_rebuilt(call, subject))),
        }
    }
}

impl Core {
    fn host(&self) -> &'static HostTable {
        self.plugin.instances.host
    }

    #[inline]
    fn call<'a, S: Subject + Send + 'a>(
        &'a self,
        slot: &'a Slot,
        call: &'a Call,
        subject: S,
    ) -> Outcome<'a, S::Output> {
        let frame = Frame::new(self.host(), call, subject);
        match &self.class {
            Class::Inline => Outcome::Ready(call_inline(frame, slot)),
            Class::Async | Class::Blocking(_) => match Boxed::new(frame).enter(slot) {
                Ok(result) => Outcome::Ready(result),
                Err(running) => Outcome::Pending(Box::pin(running)),
            },
        }
    }

    /// After a panic: gets a new instance first.
    async fn call_rebuilt<S: Subject + Send>(
        &self,
        call: &Call,
        subject: S,
    ) -> Result<S::Output, Fault> {
        let slot = self.plugin.usable().await?;
        match self.call(slot, call, subject) {
            Outcome::Ready(result) => result,
            Outcome::Pending(later) => later.await,
        }
    }

    /// On a thread that may block.
    fn call_here<S: Subject + Send>(&self, call: &Call, subject: S) -> Result<S::Output, Fault> {
        let Some(slot) = self.plugin.instances.healthy() else {
            return Err(Fault::new(
                FaultKind::Panicked,
                "the plugin panicked in another call before this one began",
            ));
        };
        match Boxed::new(Frame::new(self.host(), call, subject)).enter(slot) {
            Ok(result) => result,
            Err(running) => self.host().runtime.block_on(running),
        }
    }

    /// On a thread of the pool, with its own copies of everything.
    async fn call_on<T: Send + 'static>(
        self: &Arc<Self>,
        pool: &Pool,
        call: &Call,
        job: impl FnOnce(&Self, &Call) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.plugin.usable().await?;
        let (core, call) = (Arc::clone(self), call.clone());
        let deadline: Option<Instant> = call.deadline;
        let (answer, answered) = oneshot::channel();
        let run = move || {
            if !answer.is_closed() {
                let result = job(&core, &call);
                // Nobody waits any more if the call was given up; a fresh token or edit is then dropped and wiped.
                let _ = answer.send(result);
            }
        };
        pool.submit(deadline, Box::new(run))?;
        let lost = |_| {
            Fault::new(
                FaultKind::Internal,
                "the host panicked during the call; its log has the place",
            )
        };
        answered.await.map_err(lost)?
    }
}

#[inline]
fn call_inline<S: Subject>(mut frame: Frame<'_, S>, slot: &Slot) -> Result<S::Output, Fault> {
    // SAFETY: the frame stays in this variable until the call has ended; an operation is dropped before it is.
    let entered = unsafe { Frame::enter(&raw mut frame, slot) };
    match entered {
        Entered::Done(result) => result,
        Entered::Pending(op) => {
            drop(op);
            Err(frame.defect(
                "returned pending, which the execution class inline in its manifest forbids",
            ))
        }
    }
}
