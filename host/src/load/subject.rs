//! What a call is about, per function of a capability: the environment for `mutate`, the scope for `token`, the files for
//! `contribute`, nothing but the workspace for `tend` and `ended`.

#![expect(unsafe_code, reason = "calls the plugin's functions")]

mod contribute;
mod lifecycle;
mod mutate;
mod token;

use provisionhook_plugin_abi::wire;

use super::reply::{Function, ReplyFrame};
use crate::fault::{Fault, FaultKind};

pub(super) use self::{
    contribute::Contribute,
    lifecycle::{Ended, Tend},
    mutate::Mutate,
    token::GetToken,
};

/// What one function of a capability is given beside instance, call and reply.
pub(super) trait Subject {
    /// The function.
    type Entry: Copy + Send + 'static;
    /// What a successful call gives.
    type Output: Send;
    /// Its name in what a fault says.
    const FUNCTION: Function;

    /// Calls the plugin.
    ///
    /// # Safety
    /// `this`, `call` and `reply` stay where they are and alive until the call, or the operation that it starts, has
    /// ended; `instance` is a live instance of the plugin, from whose checked table the function is.
    unsafe fn invoke(
        entry: Self::Entry,
        this: *mut Self,
        instance: *mut wire::Instance,
        call: *const wire::Call,
        reply: *mut wire::Reply,
    ) -> wire::Poll;

    /// What the call gives, after it has ended like this.
    fn finish(
        &mut self,
        ended: Result<(), Fault>,
        reply: &mut ReplyFrame,
    ) -> Result<Self::Output, Fault>;
}

/// A defect of what the plugin did with a handle fails the call whatever it returns, except that a panic says more.
#[inline]
fn unless_defect(
    defect: Option<String>,
    ended: Result<(), Fault>,
    reply: &ReplyFrame,
) -> Result<(), Fault> {
    match (defect, ended) {
        (None, ended) => ended,
        (Some(_), Err(fault)) if fault.kind == FaultKind::Panicked => Err(fault),
        (Some(what), _) => Err(reply.defect(&what)),
    }
}
