//! What every call begins with, whatever it is about.
#![expect(unsafe_code, reason = "reads what the host lent for the call")]

use std::sync::atomic::Ordering;

use super::{
    Call,
    drive::{self, Deliver, Frame},
    entry::Shell,
    reply::Reply,
};
use crate::{
    pointer::PointerError,
    sdk::{Class, Fault, Plugin},
    wire::{self, Instance, POLL_FAULT},
};

/// What of the host's a call cannot use, by name, and why.
pub(super) type Unreadable = (&'static str, PointerError);

/// Reads what every call has, lets `begin` read what this one has beside it, and runs the future that it gives.
///
/// # Safety
///
/// All pointers are the host's, of a call of one function of the capability tables; what `begin` reads too.
#[inline]
pub(super) unsafe fn enter<P, C, T, F>(
    instance: *mut Instance,
    call: *const wire::Call,
    reply: *mut wire::Reply,
    begin: impl FnOnce(&'static P, Call<'static>) -> Result<F, Unreadable>,
) -> wire::Poll
where
    P: Plugin,
    C: Class,
    T: Deliver,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    // SAFETY: the host's reply is valid until the call has ended.
    let Some(reply) = (unsafe { Reply::new(reply) }) else {
        return POLL_FAULT;
    };
    // SAFETY: `create` made the instance, and the host destroys it only after every call and operation has ended.
    let Some(shell) = (unsafe { Shell::<P>::of(instance) }) else {
        return reply.fault(&Fault::internal(
            "expected the instance that `create` made, found null",
        ));
    };
    if shell.poisoned.load(Ordering::Acquire) {
        return reply.fault(&drive::poisoned());
    }
    // SAFETY: the host's call is valid until it has ended, which the future does not outlive.
    let call = unsafe { Call::new(call) }.map_err(|error| ("call", error));
    match call.and_then(|call| begin(&shell.plugin, call)) {
        Ok(future) => {
            let frame = Frame {
                poisoned: &shell.poisoned,
                reply,
            };
            drive::run::<C, _, _>(frame, future)
        }
        Err((what, error)) => reply.fault(&Fault::internal(format!("the host's {what}: {error}"))),
    }
}
