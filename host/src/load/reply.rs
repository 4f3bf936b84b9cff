//! The host's end of a call: what the plugin hands over, and whether that fits what it returns.

#![expect(unsafe_code, reason = "the plugin calls these functions with pointers")]

use std::{fmt, time::Duration};

use provisionhook_plugin_abi::wire;

use super::{fault::kind_of, guard::guard, host_table::HostTable, operation::PluginOp, pointer};
use crate::{
    capability::{Again, Token},
    fault::{Fault, FaultKind},
    secret::Secret,
};

/// The most of a plugin's fault message that is kept.
const MAX_MESSAGE: usize = 4096;

/// A plugin that wants to be called again is not called sooner.
const SOONEST: Duration = Duration::from_secs(1);

static TABLE: wire::ReplyVtable = wire::ReplyVtable {
    struct_size: pointer::size_u32::<wire::ReplyVtable>(),
    reserved: 0,
    fault: Some(take_fault),
    token: Some(take_token),
    pending: Some(take_pending),
    again: Some(take_again),
};

/// Which function of the plugin was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Create,
    Mutate,
    Token,
    Contribute,
    Tend,
    Ended,
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Mutate => "mutate",
            Self::Token => "token",
            Self::Contribute => "contribute",
            Self::Tend => "tend",
            Self::Ended => "ended",
        })
    }
}

/// How a call into the plugin, or a poll of its operation, ended.
#[derive(Debug)]
pub(super) enum Step {
    Ready,
    Pending(PluginOp),
    Fault(Fault),
}

/// What lies behind a `wire::Reply`. Must not move while the plugin may use it.
#[repr(C)]
pub(super) struct ReplyFrame {
    /// INVARIANT: first, so that a pointer to it is a pointer to the frame.
    wire: wire::Reply,
    function: Function,
    host: &'static HostTable,
    fault: Option<Fault>,
    token: Option<Token>,
    again: Again,
    op: Option<PluginOp>,
    /// The first thing that the plugin did against the contract.
    violation: Option<String>,
}

impl ReplyFrame {
    pub(super) fn new(function: Function, host: &'static HostTable) -> Self {
        Self {
            wire: wire::Reply {
                vtable: &raw const TABLE,
            },
            function,
            host,
            fault: None,
            token: None,
            again: Again(None),
            op: None,
            violation: None,
        }
    }

    /// What a call returned, together with what was handed over during it.
    pub(super) fn after_call(&mut self, code: wire::Poll) -> Step {
        let op = self.op.take();
        if let Some(violation) = self.violation.take() {
            return Step::Fault(self.defect(&violation));
        }
        match (code, op) {
            (wire::POLL_PENDING, Some(op)) => Step::Pending(op),
            (wire::POLL_PENDING, None) => Step::Fault(self.defect(
                "returned pending without an operation; expected it to call reply->pending",
            )),
            (_, Some(_)) => Step::Fault(self.defect(&format!(
                "handed over an operation but returned {code}, not pending"
            ))),
            (code, None) => self.done(code),
        }
    }

    /// What a poll returned; `None` if the operation is still pending.
    pub(super) fn after_poll(&mut self, code: wire::Poll) -> Option<Result<(), Fault>> {
        if self.op.take().is_some() {
            self.note("handed over a second operation while the first was being polled".to_owned());
        }
        if let Some(violation) = self.violation.take() {
            return Some(Err(self.defect(&violation)));
        }
        if code == wire::POLL_PENDING {
            return None;
        }
        Some(match self.done(code) {
            Step::Ready | Step::Pending(_) => Ok(()),
            Step::Fault(fault) => Err(fault),
        })
    }

    /// The token. Only there after a ready `token`.
    pub(super) fn token(&mut self) -> Result<Token, Fault> {
        self.token.take().ok_or_else(|| {
            self.defect("returned ready without a token; expected it to call reply->token")
        })
    }

    /// When the plugin wants to be called again.
    pub(super) fn again(&self) -> Again {
        self.again
    }

    /// An internal fault with this sentence about the function that was called.
    pub(super) fn defect(&self, what: &str) -> Fault {
        let function = self.function;
        Fault::new(
            FaultKind::Internal,
            format!("{function} {what}; this is a defect of the plugin: report it to its author"),
        )
    }

    fn done(&mut self, code: wire::Poll) -> Step {
        match (code, self.fault.take()) {
            (wire::POLL_READY, None) => Step::Ready,
            (wire::POLL_READY, Some(fault)) => Step::Fault(self.defect(&format!(
                "handed over a fault ({}) but returned ready",
                fault.kind
            ))),
            (wire::POLL_FAULT, Some(fault)) => Step::Fault(fault),
            (wire::POLL_FAULT, None) => {
                Step::Fault(self.defect(
                    "returned a fault without saying which; expected it to call reply->fault",
                ))
            }
            (other, _) => Step::Fault(self.defect(&format!(
                "returned the poll code {other}, expected 0 (ready), 1 (pending) or 2 (fault)"
            ))),
        }
    }

    fn note(&mut self, violation: String) {
        self.violation.get_or_insert(violation);
    }

    fn set_fault(&mut self, fault: *const wire::Fault) {
        // SAFETY: the plugin's pointer, for the length of this call.
        let read = match unsafe { pointer::sized(fault) } {
            Ok(read) => read,
            Err(bad) => return self.note(format!("handed over a fault that {bad}")),
        };
        // SAFETY: borrowed for the length of this call.
        let message = match unsafe { pointer::text(read.message) } {
            Ok(message) => message,
            Err(bad) => return self.note(format!("handed over a fault whose message {bad}")),
        };
        let mut kept = self.host.redactor.scrub(message).into_owned();
        if kept.len() > MAX_MESSAGE {
            kept.truncate(kept.floor_char_boundary(MAX_MESSAGE));
            kept.push('…');
        }
        let kind = kind_of(read.kind);
        if kind.is_none() {
            kept = format!("{kept} (of the unknown fault kind {})", read.kind.0);
        }
        let retry_after =
            (read.retry_after_ms > 0).then(|| Duration::from_millis(read.retry_after_ms));
        self.fault = Some(Fault {
            kind: kind.unwrap_or(FaultKind::Internal),
            message: kept,
            retry_after,
        });
    }

    fn set_token(&mut self, token: *const wire::Token) {
        if self.function != Function::Token {
            return self.note("handed over a token, which nobody asked for".to_owned());
        }
        if self.token.is_some() {
            return self.note("handed over a token twice".to_owned());
        }
        // SAFETY: the plugin's pointer, for the length of this call.
        match unsafe { read_token(token) } {
            Ok(token) => self.token = Some(token),
            Err(what) => self.note(format!("handed over a token {what}")),
        }
    }

    fn set_again(&mut self, after_ms: u64) {
        if !matches!(self.function, Function::Contribute | Function::Tend) {
            return self
                .note("asked to be called again, which only contribute and tend may".to_owned());
        }
        self.again = Again(Some(Duration::from_millis(after_ms).max(SOONEST)));
    }

    fn set_op(&mut self, op: *mut wire::Op) {
        // SAFETY: the plugin gives the operation away with this call.
        match unsafe { PluginOp::take(op) } {
            Ok(op) if self.op.is_none() => self.op = Some(op),
            Ok(_second) => self.note("handed over two operations".to_owned()),
            Err(what) => self.note(what),
        }
    }
}

/// The pointer to give to the plugin.
pub(super) fn wire_pointer(frame: *mut ReplyFrame) -> *mut wire::Reply {
    frame.cast()
}

/// # Safety
/// As for [`pointer::sized`], and the strings in the token are readable.
unsafe fn read_token(token: *const wire::Token) -> Result<Token, String> {
    // SAFETY: the caller's promise.
    let token = unsafe { pointer::sized(token) }.map_err(|bad| format!("that {bad}"))?;
    // SAFETY: the caller's promise.
    let value =
        unsafe { pointer::text(token.value) }.map_err(|bad| format!("whose value {bad}"))?;
    // SAFETY: the caller's promise.
    let username =
        unsafe { pointer::text(token.username) }.map_err(|bad| format!("whose username {bad}"))?;
    let expires_at = match token.expires_at_unix_ms {
        0 => None,
        ms => Some(
            jiff::Timestamp::from_millisecond(ms)
                .map_err(|_| format!("that expires {ms} ms after 1970, which is no time"))?,
        ),
    };
    let username = (!username.is_empty()).then(|| username.to_owned());
    Ok(Token {
        value: Secret::new(value),
        expires_at,
        username,
    })
}

/// Runs `body` on the frame behind `reply`, and keeps a panic of the host inside.
///
/// # Safety
/// If `reply` is not null it came out of [`wire_pointer`] for a frame that is alive and that nobody else uses.
unsafe fn with_frame(reply: *mut wire::Reply, body: impl FnOnce(&mut ReplyFrame)) {
    guard((), || {
        // SAFETY: the reply is the first field of the frame, and the caller vouches for the frame.
        if let Some(frame) = unsafe { reply.cast::<ReplyFrame>().as_mut() } {
            body(frame);
        }
    });
}

unsafe extern "C" fn take_fault(reply: *mut wire::Reply, fault: *const wire::Fault) {
    // SAFETY: the contract: the reply of the call that the plugin is in, used by one thread.
    unsafe { with_frame(reply, |frame| frame.set_fault(fault)) }
}

unsafe extern "C" fn take_token(reply: *mut wire::Reply, token: *const wire::Token) {
    // SAFETY: the contract: the reply of the call that the plugin is in, used by one thread.
    unsafe { with_frame(reply, |frame| frame.set_token(token)) }
}

unsafe extern "C" fn take_pending(reply: *mut wire::Reply, op: *mut wire::Op) {
    // SAFETY: the contract: the reply of the call that the plugin is in, used by one thread.
    unsafe { with_frame(reply, |frame| frame.set_op(op)) }
}

unsafe extern "C" fn take_again(reply: *mut wire::Reply, after_ms: u64) {
    // SAFETY: the contract: the reply of the call that the plugin is in, used by one thread.
    unsafe { with_frame(reply, |frame| frame.set_again(after_ms)) }
}
