//! An operation that a plugin has started: polled until it is done, dropped exactly once.

#![expect(unsafe_code, reason = "calls the functions of the plugin's operation")]

use std::{ptr::NonNull, task::Context};

use provisionhook_plugin_abi::wire;

use super::{pointer, waker};

type PollFn = unsafe extern "C" fn(*mut wire::Op, *const wire::Waker) -> wire::Poll;
type DropFn = unsafe extern "C" fn(*mut wire::Op);

/// Owns the plugin's operation.
#[derive(Debug)]
pub(super) struct PluginOp {
    op: NonNull<wire::Op>,
    poll: PollFn,
    /// INVARIANT: called once, in `Drop`.
    drop: DropFn,
}

// SAFETY: the contract lets the owner of an operation use it from any thread, one at a time.
unsafe impl Send for PluginOp {}

impl PluginOp {
    /// Takes over what the plugin handed to `reply->pending`. If it cannot be used it is dropped as far as that can be
    /// done, and the error says what is wrong with it.
    ///
    /// # Safety
    /// If `op` is not null it points to an operation that nobody else owns.
    pub(super) unsafe fn take(op: *mut wire::Op) -> Result<Self, String> {
        let Some(place) = NonNull::new(op) else {
            return Err("handed over a null operation".to_owned());
        };
        if !op.is_aligned() {
            return Err("handed over an operation that is not aligned".to_owned());
        }
        // SAFETY: not null, aligned; the caller vouches for an operation there.
        let vtable = unsafe { (*op).vtable };
        // SAFETY: the table of an operation lives as long as the operation.
        let table = unsafe { pointer::sized(vtable) };
        match table {
            Err(bad) => Err(format!("handed over an operation whose table {bad}")),
            Ok(wire::OpVtable {
                poll: Some(poll),
                drop: Some(drop),
                ..
            }) => Ok(Self {
                op: place,
                poll,
                drop,
            }),
            Ok(wire::OpVtable {
                drop: Some(drop), ..
            }) => {
                // SAFETY: the operation is ours, and this is its one drop.
                unsafe { drop(op) };
                Err("handed over an operation without the function poll".to_owned())
            }
            Ok(_) => Err("handed over an operation without the function drop".to_owned()),
        }
    }

    /// Lets it go on. Must not be called after it has answered anything but pending.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> wire::Poll {
        let lent = waker::lend(context.waker());
        // SAFETY: the operation is ours and not yet dropped; the waker outlives the call.
        unsafe { (self.poll)(self.op.as_ptr(), &raw const lent) }
    }
}

impl Drop for PluginOp {
    fn drop(&mut self) {
        // SAFETY: the operation is ours, and this is its one drop.
        unsafe { (self.drop)(self.op.as_ptr()) }
    }
}
