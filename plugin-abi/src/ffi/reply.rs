//! The host's end of a call: here faults, tokens and operations are handed over.
#![expect(unsafe_code, reason = "calls the functions of the host's reply handle")]

use std::time::{Duration, SystemTime};

use crate::{
    pointer,
    sdk::{Again, Fault, Token},
    wire::{self, Op, POLL_FAULT, POLL_PENDING, POLL_READY, ReplyVtable, Str, wire_size},
};

/// A reply that is known to have a usable table.
pub(crate) struct Reply {
    raw: *mut wire::Reply,
    vtable: ReplyVtable,
}

// SAFETY: the host allows use by whichever thread is inside the call or its poll.
unsafe impl Send for Reply {}

impl Reply {
    /// `None` if there is nobody to tell what is wrong.
    ///
    /// # Safety
    ///
    /// A reply of the host, valid until the call or its operation has ended.
    pub(crate) unsafe fn new(raw: *mut wire::Reply) -> Option<Self> {
        // SAFETY: the host's handle, valid as the caller says.
        let vtable = unsafe { pointer::table(raw) }.ok()?;
        Some(Self { raw, vtable })
    }

    /// The same reply, for when its holder is given away.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            raw: self.raw,
            vtable: self.vtable,
        }
    }

    /// Hands over a fault.
    #[cold]
    pub(crate) fn fault(&self, fault: &Fault) -> wire::Poll {
        let wire = wire::Fault {
            struct_size: wire_size::<wire::Fault>(),
            kind: fault.kind(),
            message: Str::new(fault.message()),
            retry_after_ms: fault.retry_delay().map_or(0, milliseconds),
        };
        if let Some(fault) = self.vtable.fault {
            // SAFETY: the reply is valid; the fault lives through the call.
            unsafe { fault(self.raw, &raw const wire) };
        }
        POLL_FAULT
    }

    /// Hands over a token.
    pub(crate) fn token(&self, token: &Token) -> wire::Poll {
        let Some(hand_over) = self.vtable.token else {
            return self.fault(&Fault::internal("the host's reply takes no token"));
        };
        let wire = wire::Token {
            struct_size: wire_size::<wire::Token>(),
            flags: 0,
            value: Str::new(&token.value),
            expires_at_unix_ms: token.expires_at.map_or(0, unix_ms),
            username: token.username.as_deref().map_or(Str::EMPTY, Str::new),
        };
        // SAFETY: the reply is valid; the token lives through the call.
        unsafe { hand_over(self.raw, &raw const wire) };
        POLL_READY
    }

    /// Hands over when to call again.
    pub(crate) fn again(&self, again: Again) -> wire::Poll {
        let Some(after) = again.delay() else {
            return POLL_READY;
        };
        let Some(hand_over) = self.vtable.again else {
            return self.fault(&Fault::internal(
                "the host's reply takes no wish to be called again",
            ));
        };
        // SAFETY: the reply is valid.
        unsafe { hand_over(self.raw, milliseconds(after)) };
        POLL_READY
    }

    /// Whether an operation can be handed over.
    pub(crate) fn takes_operations(&self) -> bool {
        self.vtable.pending.is_some()
    }

    /// Hands over an operation.
    ///
    /// # Safety
    ///
    /// The host gets to own it. Only after [`takes_operations`](Self::takes_operations) said yes.
    pub(crate) unsafe fn pending(&self, op: *mut Op) -> wire::Poll {
        if let Some(hand_over) = self.vtable.pending {
            // SAFETY: the reply is valid; the operation is whole, and the caller gives it up.
            unsafe { hand_over(self.raw, op) };
        }
        POLL_PENDING
    }
}

fn milliseconds(duration: Duration) -> u64 {
    // 0 would say "the host decides", so anything shorter than a millisecond is one.
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

fn unix_ms(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |before| -before)
        }
    }
}
