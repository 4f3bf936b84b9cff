//! An operation that the host made for the plugin: a wait, a request.
#![expect(unsafe_code, reason = "polls and drops the host's operations")]

use std::task::{Context, Poll};

use super::{Host, waker};
use crate::{
    pointer,
    sdk::Fault,
    wire::{Op, OpVtable, POLL_FAULT, POLL_PENDING, POLL_READY},
};

/// An operation of the host. Dropping it cancels it.
pub(crate) struct Operation {
    host: Host,
    raw: *mut Op,
    vtable: OpVtable,
    done: bool,
}

// SAFETY: its owner calls it from one thread at a time, which need not be the same each time.
unsafe impl Send for Operation {}

impl Operation {
    /// # Safety
    ///
    /// An operation that `host` has just made for this plugin.
    ///
    /// # Errors
    ///
    /// When the host handed over nothing usable.
    pub(crate) unsafe fn new(host: Host, raw: *mut Op) -> Result<Self, Fault> {
        if raw.is_null() {
            return Err(Fault::internal(
                "expected an operation of the host, found null",
            ));
        }
        // SAFETY: the host's handle, valid until it is dropped.
        let vtable = unsafe { pointer::table(raw) }
            .map_err(|error| Fault::internal(format!("the host's operation: {error}")))?;
        Ok(Self {
            host,
            raw,
            vtable,
            done: false,
        })
    }

    /// Ready when the operation is; a fault without a message if it failed, because the message came another way.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        if self.done {
            return Poll::Ready(Err(Fault::internal(
                "an operation was polled after its end",
            )));
        }
        let Some(poll) = self.vtable.poll else {
            return Poll::Ready(Err(Fault::internal(
                "the host's operation cannot be polled",
            )));
        };
        let ended = {
            let _open = self.host.enter()?;
            let lent = waker::lend(context.waker());
            // SAFETY: the operation is alive and only this owner calls it; the waker lives through the call.
            unsafe { poll(self.raw, &raw const lent) }
        };
        self.done = ended != POLL_PENDING;
        match ended {
            POLL_PENDING => Poll::Pending,
            POLL_READY => Poll::Ready(Ok(())),
            POLL_FAULT => Poll::Ready(Err(Fault::internal(
                "the host's operation failed and did not say why",
            ))),
            other => Poll::Ready(Err(Fault::internal(format!(
                "expected poll result 0, 1 or 2, found {other}"
            )))),
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // With the host gone, its operations are gone too.
        let Ok(_open) = self.host.enter() else { return };
        if let Some(drop) = self.vtable.drop {
            // SAFETY: the operation is alive, and this is its end.
            unsafe { drop(self.raw) };
        }
    }
}
