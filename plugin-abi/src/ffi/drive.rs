//! Running an author's future: once, to the end, or as an operation that the host polls.
#![expect(
    unsafe_code,
    reason = "an operation is a box that travels through the host as a pointer"
)]

use std::{
    any::Any,
    marker::PhantomData,
    panic::{self, AssertUnwindSafe},
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
};

use super::{reply::Reply, waker};
use crate::{
    sdk::{Again, Class, ClassKind, Fault, Token, block_on},
    wire::{self, FaultKind, Op, OpVtable, POLL_PENDING, POLL_READY, wire_size},
};

/// What goes back to the host.
pub(crate) type Ended = wire::Poll;

/// What a call needs besides the future.
pub(crate) struct Frame {
    /// Set by the first panic of the instance.
    pub(super) poisoned: &'static AtomicBool,
    pub(super) reply: Reply,
}

/// What a call can end with.
pub(crate) trait Deliver: Send + 'static {
    fn deliver(self, frame: &Frame) -> Ended;
}

impl Deliver for () {
    fn deliver(self, _: &Frame) -> Ended {
        POLL_READY
    }
}

impl Deliver for Token {
    fn deliver(self, frame: &Frame) -> Ended {
        frame.reply.token(&self)
    }
}

impl Deliver for Again {
    fn deliver(self, frame: &Frame) -> Ended {
        frame.reply.again(self)
    }
}

/// Runs a call as the plugin's execution class wants it.
pub(crate) fn run<C: Class, T: Deliver, F>(frame: Frame, future: F) -> Ended
where
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    match C::KIND {
        ClassKind::Inline => inline(&frame, future),
        ClassKind::Async => boxed(frame, future),
        ClassKind::Blocking => blocking(&frame, future),
    }
}

/// Polls once, where it stands. Nothing is allocated.
fn inline<T: Deliver, F: Future<Output = Result<T, Fault>>>(frame: &Frame, future: F) -> Ended {
    let polled = guard(frame.poisoned, || {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    });
    match polled {
        Ok(Poll::Ready(result)) => finish(frame, result),
        Ok(Poll::Pending) => frame.reply.fault(&Fault::internal(
            "the plugin says `execution: inline`, but this call has to wait: expected `execution: async` in its manifest",
        )),
        Err(fault) => frame.reply.fault(&fault),
    }
}

/// Stays on the thread to the end.
fn blocking<T: Deliver, F: Future<Output = Result<T, Fault>>>(frame: &Frame, future: F) -> Ended {
    match guard(frame.poisoned, || block_on(future)) {
        Ok(result) => finish(frame, result),
        Err(fault) => frame.reply.fault(&fault),
    }
}

/// Polls once in a box, and hands that to the host if there is more to do.
fn boxed<T: Deliver, F>(frame: Frame, future: F) -> Ended
where
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    let vtable: *const OpVtable = Task::<T, F>::VTABLE;
    let poisoned = frame.poisoned;
    let mut task = Box::pin(Task {
        op: Op { vtable },
        frame,
        done: false,
        future,
        output: PhantomData,
    });
    // The host polls again at once with its own waker.
    let ended = task.as_mut().advance(Waker::noop());
    if ended != POLL_PENDING || !task.frame.reply.takes_operations() {
        let ended = match ended {
            POLL_PENDING => task
                .frame
                .reply
                .fault(&Fault::internal("the host's reply takes no operation")),
            ended => ended,
        };
        discard(poisoned, task);
        return ended;
    }
    let reply = task.frame.reply.duplicate();
    // SAFETY: nothing moves the task out of its box before `drop_task` frees it.
    let task = Box::into_raw(unsafe { Pin::into_inner_unchecked(task) });
    // SAFETY: the task is whole, given up here, and its first field is the `Op`.
    unsafe { reply.pending(task.cast::<Op>()) }
}

fn finish<T: Deliver>(frame: &Frame, result: Result<T, Fault>) -> Ended {
    match result {
        Ok(output) => output.deliver(frame),
        Err(fault) => frame.reply.fault(&fault),
    }
}

/// An operation: an author's future, and what it answers to.
#[repr(C)]
struct Task<T, F> {
    /// INVARIANT: first, so that a pointer to the task is one to the operation.
    op: Op,
    frame: Frame,
    done: bool,
    future: F,
    output: PhantomData<fn() -> T>,
}

impl<T: Deliver, F: Future<Output = Result<T, Fault>> + Send + 'static> Task<T, F> {
    const VTABLE: &'static OpVtable = &OpVtable {
        struct_size: wire_size::<OpVtable>(),
        reserved: 0,
        poll: Some(poll_task::<T, F>),
        drop: Some(drop_task::<T, F>),
    };

    fn advance(self: Pin<&mut Self>, waker: &Waker) -> Ended {
        // SAFETY: the future is not moved out of the task, and is pinned again below.
        let task = unsafe { self.get_unchecked_mut() };
        if task.done {
            return task.frame.reply.fault(&Fault::internal(
                "the host polled an operation that had ended",
            ));
        }
        // SAFETY: the task is pinned, and so is what is in it.
        let future = unsafe { Pin::new_unchecked(&mut task.future) };
        let polled = guard(task.frame.poisoned, || {
            future.poll(&mut Context::from_waker(waker))
        });
        task.done = !matches!(polled, Ok(Poll::Pending));
        match polled {
            Ok(Poll::Pending) => POLL_PENDING,
            Ok(Poll::Ready(result)) => finish(&task.frame, result),
            Err(fault) => task.frame.reply.fault(&fault),
        }
    }
}

/// # Safety
///
/// Called by the host as [`OpVtable`] says.
unsafe extern "C" fn poll_task<T, F>(op: *mut Op, waker: *const wire::Waker) -> Ended
where
    T: Deliver,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    // SAFETY: the host gives back what it was handed, from one thread at a time, before it drops it.
    let task = unsafe { &mut *op.cast::<Task<T, F>>() };
    // SAFETY: the task stays in its box.
    let task = unsafe { Pin::new_unchecked(task) };
    // SAFETY: the host's waker is valid through this call.
    unsafe { waker::with_host_waker(waker, |waker| task.advance(waker)) }
}

/// # Safety
///
/// Called by the host as [`OpVtable`] says.
unsafe extern "C" fn drop_task<T, F>(op: *mut Op)
where
    T: Deliver,
    F: Future<Output = Result<T, Fault>> + Send + 'static,
{
    // SAFETY: the host gives back what `Box::into_raw` made, once.
    let task = unsafe { Box::from_raw(op.cast::<Task<T, F>>()) };
    discard(task.frame.poisoned, Box::into_pin(task));
}

fn discard<D>(poisoned: &'static AtomicBool, dropped: D) {
    // The message has nowhere to go; the next call answers that the instance is poisoned.
    drop(guard(poisoned, || drop(dropped)));
}

/// Runs an author's code. A panic ends here, and nothing of the instance runs any more.
///
/// # Errors
///
/// A `panicked` fault with the panic's message.
pub(super) fn guard<R>(poisoned: &AtomicBool, run: impl FnOnce() -> R) -> Result<R, Fault> {
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        poisoned.store(true, Ordering::Release);
        panicked(payload)
    })
}

#[cold]
fn panicked(payload: Box<dyn Any + Send>) -> Fault {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    // A payload of the author's own type may panic again when it is dropped.
    drop(panic::catch_unwind(AssertUnwindSafe(|| drop(payload))));
    let message = message.unwrap_or_else(|| "a value that is not text".to_owned());
    Fault::new(
        FaultKind::PANICKED,
        format!("the plugin panicked: {message}"),
    )
}

/// What a poisoned instance answers.
#[cold]
pub(super) fn poisoned() -> Fault {
    Fault::new(
        FaultKind::PANICKED,
        "the plugin panicked in an earlier call, and this instance is not used any more",
    )
}
