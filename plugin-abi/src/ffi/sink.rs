//! An operation of the host's that answers by calling back into a sink of the plugin's.
#![expect(
    unsafe_code,
    reason = "the host knows the sink by a pointer for as long as the operation lives"
)]

use std::task::{Context, Poll, ready};

use super::{Host, operation::Operation};
use crate::{sdk::Fault, wire::Op};

/// What a sink collects.
pub(crate) trait Sink {
    /// What it makes of that.
    type Answer;

    /// What was handed over, once the operation has ended.
    ///
    /// # Errors
    ///
    /// The fault that was handed over.
    fn take(&mut self) -> Result<Self::Answer, Fault>;
}

/// An operation under way. Dropping it cancels it.
pub(crate) struct Asked<S> {
    // The order matters: the operation must be gone before its sink is.
    operation: Operation,
    sink: Owned<S>,
}

impl<S: Sink> Asked<S> {
    /// `ask` calls the host, which is open meanwhile, with this sink.
    ///
    /// # Errors
    ///
    /// When the host is gone, or handed over nothing usable.
    pub(super) fn start(
        host: &Host,
        sink: S,
        ask: impl FnOnce(*mut S) -> *mut Op,
    ) -> Result<Self, Fault> {
        let sink = Owned(Box::into_raw(Box::new(sink)));
        let op = {
            let _open = host.enter()?;
            ask(sink.0)
        };
        // SAFETY: the host has just made it.
        let operation = unsafe { Operation::new(host.clone(), op) }?;
        Ok(Self { operation, sink })
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<S::Answer, Fault>> {
        let ended = ready!(self.operation.poll(context));
        // SAFETY: alive, and the host is not inside `poll`, because the owner is here.
        let answer = unsafe { &mut *self.sink.0 }.take();
        // The sink's fault says more than the operation's.
        Poll::Ready(answer.and_then(|answer| ended.map(|()| answer)))
    }
}

/// INVARIANT: the pointer came from a box, and nobody else frees it.
struct Owned<S>(*mut S);

// SAFETY: the host uses it only while it is inside `poll`, which the owner calls from one thread at a time; what it holds
// is the pointer to a static table, and owned data.
unsafe impl<S> Send for Owned<S> {}

impl<S> Drop for Owned<S> {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and the operation that knew it is gone.
        drop(unsafe { Box::from_raw(self.0) });
    }
}
