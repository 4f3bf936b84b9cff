//! An operation of the host that is pending once, wakes at once, and then ends.

use std::sync::atomic::{AtomicUsize, Ordering};

use provisionhook_plugin_abi::wire::{Op, OpVtable, POLL_PENDING, Poll, Waker, wire_size};

#[repr(C)]
struct TwoSteps {
    op: Op,
    polled: bool,
    end: Option<Box<dyn FnOnce() -> Poll>>,
}

static TABLE: OpVtable = OpVtable {
    struct_size: wire_size::<OpVtable>(),
    reserved: 0,
    poll: Some(poll),
    drop: Some(drop_op),
};

/// How many of the host's operations are alive.
pub(crate) static LIVE_OPERATIONS: AtomicUsize = AtomicUsize::new(0);

/// The second poll calls `end`, which may call the plugin's sink.
pub(crate) fn two_steps(end: impl FnOnce() -> Poll + 'static) -> *mut Op {
    LIVE_OPERATIONS.fetch_add(1, Ordering::SeqCst);
    Box::into_raw(Box::new(TwoSteps {
        op: Op { vtable: &TABLE },
        polled: false,
        end: Some(Box::new(end)),
    }))
    .cast()
}

unsafe extern "C" fn poll(op: *mut Op, waker: *const Waker) -> Poll {
    // SAFETY: made by `two_steps`, not dropped yet.
    let step = unsafe { &mut *op.cast::<TwoSteps>() };
    if step.polled {
        return step.end.take().unwrap()();
    }
    step.polled = true;
    // SAFETY: lent for this call.
    let waker = unsafe { *waker };
    // SAFETY: a waker's table lives as long as the waker.
    let table = unsafe { *waker.vtable };
    // SAFETY: each function is given the data that belongs to it, and each clone ends once.
    let (kept, discarded) = unsafe {
        (
            table.clone.unwrap()(waker.data),
            table.clone.unwrap()(waker.data),
        )
    };
    // SAFETY: as above.
    unsafe { table.drop.unwrap()(discarded) };
    // SAFETY: as above.
    unsafe { table.wake.unwrap()(kept) };
    POLL_PENDING
}

unsafe extern "C" fn drop_op(op: *mut Op) {
    // SAFETY: made by `two_steps`, dropped once.
    drop(unsafe { Box::from_raw(op.cast::<TwoSteps>()) });
    LIVE_OPERATIONS.fetch_sub(1, Ordering::SeqCst);
}
