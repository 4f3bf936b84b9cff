//! Operations that the host makes for a plugin (`clock/1`, `http/1`): a future behind an operation's table.

#![expect(unsafe_code, reason = "the plugin calls these functions with pointers")]

use std::{future, pin::Pin, task::Context};

use provisionhook_plugin_abi::wire;
use tokio::runtime::Handle;

use super::{guard::guard, host_table::HostTable, pointer, waker};

static TABLE: wire::OpVtable = wire::OpVtable {
    struct_size: pointer::size_u32::<wire::OpVtable>(),
    reserved: 0,
    poll: Some(poll),
    drop: Some(drop_op),
};

type Work = Pin<Box<dyn Future<Output = wire::Poll> + Send>>;

/// What lies behind a `wire::Op` of the host.
#[repr(C)]
struct HostOp {
    /// INVARIANT: first, so that a pointer to it is a pointer to the whole.
    wire: wire::Op,
    /// Where timers and sockets are driven; `None` for work that needs neither.
    runtime: Option<Handle>,
    /// `None` once it is done.
    work: Option<Work>,
}

/// An operation that does `work` while the plugin polls it. The plugin drops it.
pub(super) fn start(
    host: &HostTable,
    work: impl Future<Output = wire::Poll> + Send + 'static,
) -> *mut wire::Op {
    make(Some(host.runtime.clone()), Box::pin(work))
}

/// An operation that fails at once, for a plugin that passed no host.
pub(super) fn failed() -> *mut wire::Op {
    make(None, Box::pin(future::ready(wire::POLL_FAULT)))
}

fn make(runtime: Option<Handle>, work: Work) -> *mut wire::Op {
    let op = HostOp {
        wire: wire::Op {
            vtable: &raw const TABLE,
        },
        runtime,
        work: Some(work),
    };
    Box::into_raw(Box::new(op)).cast()
}

unsafe extern "C" fn poll(op: *mut wire::Op, lent: *const wire::Waker) -> wire::Poll {
    guard(wire::POLL_FAULT, || {
        // SAFETY: an operation of `make`, which its owner polls from one thread at a time and has not dropped.
        let Some(op) = (unsafe { op.cast::<HostOp>().as_mut() }) else {
            return wire::POLL_FAULT;
        };
        // SAFETY: lent for the length of this call.
        let Some(waker) = (unsafe { waker::keep(lent) }) else {
            return wire::POLL_FAULT;
        };
        // Taken out while it runs, so that work that panics is not polled again.
        let Some(mut work) = op.work.take() else {
            return wire::POLL_FAULT;
        };
        let _entered = op.runtime.as_ref().map(Handle::enter);
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            std::task::Poll::Ready(code) => code,
            std::task::Poll::Pending => {
                op.work = Some(work);
                wire::POLL_PENDING
            }
        }
    })
}

unsafe extern "C" fn drop_op(op: *mut wire::Op) {
    guard((), || {
        if !op.is_null() {
            // SAFETY: an operation of `make`, and the one drop of it.
            drop(unsafe { Box::from_raw(op.cast::<HostOp>()) });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn poll_once(op: *mut wire::Op) -> wire::Poll {
        let lent = waker::lend(Waker::noop());
        // SAFETY: an operation of `make`; the waker lives through the call.
        unsafe { poll(op, &raw const lent) }
    }

    #[test]
    fn it_is_pending_then_ready_and_not_polled_again() {
        let mut polls = 0;
        let work = future::poll_fn(move |_| {
            polls += 1;
            if polls == 1 {
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(wire::POLL_READY)
            }
        });
        let op = make(None, Box::pin(work));
        assert_eq!(poll_once(op), wire::POLL_PENDING);
        assert_eq!(poll_once(op), wire::POLL_READY);
        assert_eq!(poll_once(op), wire::POLL_FAULT);
        // SAFETY: the one drop.
        unsafe { drop_op(op) };
    }

    #[test]
    fn work_that_panics_is_a_fault() {
        let op = make(
            None,
            Box::pin(future::poll_fn(|_| panic!("a defect of the host"))),
        );
        assert_eq!(poll_once(op), wire::POLL_FAULT);
        // SAFETY: the one drop.
        unsafe { drop_op(op) };
    }
}
