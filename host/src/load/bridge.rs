//! From the traits of the host to the functions of a loaded plugin, by the execution class that its manifest declares.

#![expect(unsafe_code, reason = "enters a frame on the stack")]

use std::{sync::Arc, time::Instant};

use tokio::sync::oneshot;

use super::{
    blocking::Pool,
    entry::{ContributeFn, Lifecycle, MutateFn, TokenFn},
    frame::{Boxed, Entered, Frame},
    host_table::HostTable,
    instance::Slot,
    rebuild::Rebuilt,
    subject::{Contribute, Ended, GetToken, Mutate, Subject, Tend},
};
use crate::{
    call::Call,
    capability::{
        Again, EnvMutator, FileContributor, Outcome, Scope, Token, TokenProvider,
        WorkspaceLifecycle,
    },
    env::Edits,
    fault::{Fault, FaultKind},
    files::Contribution,
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

/// One capability of a loaded plugin: its functions.
pub(super) struct Bridge<F> {
    pub(super) core: Arc<Core>,
    pub(super) functions: F,
}

impl EnvMutator for Bridge<MutateFn> {
    #[inline]
    fn mutate<'a>(&'a self, call: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()> {
        match &self.core.class {
            Class::Blocking(pool) => {
                let functions = self.functions;
                let job = move |core: &Core, call: &Call, copy: &mut Edits| {
                    core.call_here(call, functions, Mutate::new(copy))
                };
                Outcome::Pending(Box::pin(self.core.call_with_copy(pool, call, edits, job)))
            }
            Class::Inline | Class::Async => {
                self.core.begin(call, self.functions, Mutate::new(edits))
            }
        }
    }
}

impl TokenProvider for Bridge<TokenFn> {
    fn token<'a>(&'a self, call: &'a Call, scope: &'a Scope) -> Outcome<'a, Token> {
        match &self.core.class {
            Class::Blocking(pool) => {
                let (scope, functions) = (scope.clone(), self.functions);
                let job = move |core: &Core, call: &Call| {
                    core.call_here(call, functions, GetToken::new(&scope))
                };
                Outcome::Pending(Box::pin(self.core.call_on(pool, call, job)))
            }
            Class::Inline | Class::Async => {
                self.core.begin(call, self.functions, GetToken::new(scope))
            }
        }
    }
}

impl FileContributor for Bridge<ContributeFn> {
    fn contribute<'a>(&'a self, call: &'a Call, files: &'a mut Contribution) -> Outcome<'a, Again> {
        match &self.core.class {
            Class::Blocking(pool) => {
                let functions = self.functions;
                let job = move |core: &Core, call: &Call, copy: &mut Contribution| {
                    core.call_here(call, functions, Contribute::new(copy))
                };
                Outcome::Pending(Box::pin(self.core.call_with_copy(pool, call, files, job)))
            }
            Class::Inline | Class::Async => {
                self.core
                    .begin(call, self.functions, Contribute::new(files))
            }
        }
    }
}

impl WorkspaceLifecycle for Bridge<Lifecycle> {
    fn tend<'a>(&'a self, call: &'a Call) -> Outcome<'a, Again> {
        self.core.about_the_call(call, self.functions.tend, Tend)
    }

    fn ended<'a>(&'a self, call: &'a Call) -> Outcome<'a, ()> {
        self.core.about_the_call(call, self.functions.ended, Ended)
    }
}

impl Core {
    fn host(&self) -> &'static HostTable {
        self.plugin.instances.host
    }

    /// Where the chain runs, and not on a thread of the pool.
    #[inline]
    fn begin<'a, S: Subject + Send + 'a>(
        &'a self,
        call: &'a Call,
        entry: S::Entry,
        subject: S,
    ) -> Outcome<'a, S::Output> {
        match self.plugin.instances.healthy() {
            Some(slot) => self.call(slot, call, entry, subject),
            None => Outcome::Pending(Box::pin(self.call_rebuilt(call, entry, subject))),
        }
    }

    /// A call that carries nothing beside itself.
    fn about_the_call<'a, S>(
        self: &'a Arc<Self>,
        call: &'a Call,
        entry: S::Entry,
        subject: S,
    ) -> Outcome<'a, S::Output>
    where
        S: Subject + Send + 'static,
    {
        match &self.class {
            Class::Blocking(pool) => {
                let job = move |core: &Self, call: &Call| core.call_here(call, entry, subject);
                Outcome::Pending(Box::pin(self.call_on(pool, call, job)))
            }
            Class::Inline | Class::Async => self.begin(call, entry, subject),
        }
    }

    #[inline]
    fn call<'a, S: Subject + Send + 'a>(
        &'a self,
        slot: &'a Slot,
        call: &'a Call,
        entry: S::Entry,
        subject: S,
    ) -> Outcome<'a, S::Output> {
        let frame = Frame::new(self.host(), call, entry, subject);
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
        entry: S::Entry,
        subject: S,
    ) -> Result<S::Output, Fault> {
        let slot = self.plugin.usable().await?;
        match self.call(slot, call, entry, subject) {
            Outcome::Ready(result) => result,
            Outcome::Pending(later) => later.await,
        }
    }

    /// On a thread that may block.
    fn call_here<S: Subject + Send>(
        &self,
        call: &Call,
        entry: S::Entry,
        subject: S,
    ) -> Result<S::Output, Fault> {
        let Some(slot) = self.plugin.instances.healthy() else {
            return Err(Fault::new(
                FaultKind::Panicked,
                "the plugin panicked in another call before this one began",
            ));
        };
        match Boxed::new(Frame::new(self.host(), call, entry, subject)).enter(slot) {
            Ok(result) => result,
            Err(running) => self.host().runtime.block_on(running),
        }
    }

    /// On a thread of the pool. The plugin writes into a copy: if the caller stops waiting, what a late plugin does harms
    /// nobody.
    async fn call_with_copy<W: Clone + Send + 'static, T: Send + 'static>(
        self: &Arc<Self>,
        pool: &Pool,
        call: &Call,
        written: &mut W,
        job: impl FnOnce(&Self, &Call, &mut W) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let mut copy = written.clone();
        let job = move |core: &Self, call: &Call| {
            let result = job(core, call, &mut copy);
            // Given back either way: it remembers why something was refused.
            Ok((copy, result))
        };
        let (copy, result) = self.call_on(pool, call, job).await?;
        *written = copy;
        result
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
