//! All that the plugin may look at during one call, in one place that does not move: the call, its subject, the reply.

#![expect(unsafe_code, reason = "hands pointers into the frame to the plugin")]

use std::{
    mem::MaybeUninit,
    pin::Pin,
    ptr::{self, NonNull},
    task::{Context, Poll},
};

use provisionhook_plugin_abi::wire;

use super::{
    clock,
    host_table::HostTable,
    instance::Slot,
    operation::PluginOp,
    pointer,
    reply::{self, ReplyFrame, Step},
    subject::Subject,
};
use crate::{
    call::Call,
    fault::{Fault, FaultKind},
};

/// So many labels are lent without an allocation.
const FEW: usize = 16;

/// How the first call of a frame ended.
pub(super) enum Entered<T> {
    /// For good.
    Done(Result<T, Fault>),
    /// With an operation.
    Pending(PluginOp),
}

/// The frame of one call.
pub(super) struct Frame<'a, S: Subject> {
    entry: S::Entry,
    subject: S,
    reply: ReplyFrame,
    call: wire::Call,
    /// INVARIANT: once entered, `call.labels` points into one of these, so the frame must not move.
    few: [MaybeUninit<wire::Pair>; FEW],
    many: Vec<wire::Pair>,
    source: &'a Call,
}

impl<'a, S: Subject> Frame<'a, S> {
    #[inline]
    pub(super) fn new(
        host: &'static HostTable,
        source: &'a Call,
        entry: S::Entry,
        subject: S,
    ) -> Self {
        let attributes = &source.attributes;
        let call = wire::Call {
            struct_size: pointer::size_u32::<wire::Call>(),
            flags: if source.dry_run {
                wire::CALL_DRY_RUN
            } else {
                0
            },
            workspace_id: pointer::lend(&attributes.workspace_id),
            workspace_name: pointer::lend(&attributes.name),
            tenant: pointer::lend(&attributes.tenant),
            role: pointer::lend(&attributes.role),
            runtime: pointer::lend(&attributes.runtime),
            labels: ptr::null(),
            label_count: 0,
            deadline_ns: source.deadline.map_or(0, clock::nanoseconds),
            traceparent: pointer::lend(&source.traceparent),
        };
        let reply = ReplyFrame::new(S::FUNCTION, host);
        Self {
            entry,
            subject,
            reply,
            call,
            few: [MaybeUninit::uninit(); FEW],
            many: Vec::new(),
            source,
        }
    }

    /// Calls the plugin.
    ///
    /// # Safety
    /// `frame` is this call's alone, is entered once, and does not move until the call, or the operation that it gives,
    /// has ended; `slot` belongs to the plugin whose function the frame was given.
    #[inline]
    pub(super) unsafe fn enter(frame: *mut Self, slot: &Slot) -> Entered<S::Output> {
        // SAFETY: the caller vouches for the frame; the reference ends before the plugin gets a pointer.
        unsafe { &mut *frame }.lend_labels();
        // SAFETY: the caller vouches for the frame.
        let entry = unsafe { (*frame).entry };
        // SAFETY: the caller vouches for the frame; no reference is made.
        let subject = unsafe { &raw mut (*frame).subject };
        // SAFETY: the caller vouches for the frame; no reference is made.
        let call = unsafe { &raw const (*frame).call };
        // SAFETY: the caller vouches for the frame; no reference is made.
        let reply = unsafe { &raw mut (*frame).reply };
        // SAFETY: all three are in the frame, and the slot's instance is live.
        let code = unsafe {
            S::invoke(
                entry,
                subject,
                slot.instance(),
                call,
                reply::wire_pointer(reply),
            )
        };
        // SAFETY: the plugin has returned; until its operation is polled nobody else looks at the frame.
        let this = unsafe { &mut *frame };
        let ended = match this.reply.after_call(code) {
            Step::Pending(op) => return Entered::Pending(op),
            Step::Ready => Ok(()),
            Step::Fault(fault) => Err(fault),
        };
        Entered::Done(this.finish(ended, slot))
    }

    /// An internal fault with this sentence about the function that was called.
    pub(super) fn defect(&self, what: &str) -> Fault {
        self.reply.defect(what)
    }

    #[inline]
    fn finish(&mut self, ended: Result<(), Fault>, slot: &Slot) -> Result<S::Output, Fault> {
        let result = self.subject.finish(ended, &mut self.reply);
        if let Err(fault) = &result
            && fault.kind == FaultKind::Panicked
        {
            slot.poison();
        }
        result
    }

    #[inline]
    fn lend_labels(&mut self) {
        let labels = &self.source.attributes.labels;
        if labels.is_empty() {
            return;
        }
        let pairs = labels.iter().map(|(key, value)| wire::Pair {
            key: pointer::lend(key),
            value: pointer::lend(value),
        });
        self.call.labels = if labels.len() <= FEW {
            for (place, pair) in self.few.iter_mut().zip(pairs) {
                place.write(pair);
            }
            self.few.as_ptr().cast()
        } else {
            self.many = pairs.collect();
            pointer::start_of(&self.many)
        };
        self.call.label_count = labels.len();
    }
}

/// A frame with an address of its own.
pub(super) struct Boxed<'a, S: Subject> {
    /// INVARIANT: from `Box::into_raw`; freed once, in `Drop`. Not a `Box`, which would claim to be the only way to what
    /// the plugin looks at too.
    frame: NonNull<Frame<'a, S>>,
}

// SAFETY: the pointers in a frame lead to data of the frame and of `'a`, which moves along or may be read from anywhere;
// the contract lets the plugin be polled from any thread, one at a time.
unsafe impl<S: Subject + Send> Send for Boxed<'_, S> {}

impl<'a, S: Subject> Boxed<'a, S> {
    pub(super) fn new(frame: Frame<'a, S>) -> Self {
        Self {
            frame: NonNull::from(Box::leak(Box::new(frame))),
        }
    }

    /// Calls the plugin; what is pending becomes a future. Must be the first and only call for this frame.
    pub(super) fn enter(self, slot: &'a Slot) -> Result<Result<S::Output, Fault>, Running<'a, S>> {
        // SAFETY: the frame is ours alone, does not move, and lives until the operation is dropped (`Running`).
        match unsafe { Frame::enter(self.frame.as_ptr(), slot) } {
            Entered::Done(result) => Ok(result),
            Entered::Pending(op) => Err(Running {
                op: Some(op),
                frame: self,
                slot,
            }),
        }
    }
}

impl<S: Subject> Drop for Boxed<'_, S> {
    fn drop(&mut self) {
        // SAFETY: from `Box::leak`, and this is its one end.
        drop(unsafe { Box::from_raw(self.frame.as_ptr()) });
    }
}

/// A call that goes on as an operation. Dropping it cancels the call.
pub(super) struct Running<'a, S: Subject> {
    /// INVARIANT: declared, and so dropped, before the frame that the operation looks at. `None` once it is done.
    op: Option<PluginOp>,
    frame: Boxed<'a, S>,
    slot: &'a Slot,
}

impl<S: Subject> Future for Running<'_, S> {
    type Output = Result<S::Output, Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.slot.is_poisoned() {
            self.op = None;
            return Poll::Ready(Err(Fault::new(
                FaultKind::Panicked,
                "another call of the plugin panicked while this one was under way",
            )));
        }
        let Some(op) = &mut self.op else {
            return Poll::Ready(Err(Fault::new(
                FaultKind::Internal,
                "the call was polled after it was done",
            )));
        };
        let code = op.poll(context);
        let slot = self.slot;
        // SAFETY: the plugin has returned from `poll`; nobody else looks at the frame now.
        let frame = unsafe { self.frame.frame.as_mut() };
        let Some(ended) = frame.reply.after_poll(code) else {
            return Poll::Pending;
        };
        let result = frame.finish(ended, slot);
        self.op = None;
        Poll::Ready(result)
    }
}
