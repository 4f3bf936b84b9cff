//! `mutate` and the environment.

#![expect(unsafe_code, reason = "calls the plugin's function")]

use provisionhook_plugin_abi::wire;

use super::{Subject, unless_defect};
use crate::{
    env::Edits,
    fault::Fault,
    load::{
        entry::MutateFn,
        env_handle::{self, EnvFrame},
        reply::{Function, ReplyFrame},
    },
};

/// The environment of a call.
pub(in crate::load) struct Mutate<'a>(EnvFrame<'a>);

impl<'a> Mutate<'a> {
    pub(in crate::load) fn new(edits: &'a mut Edits) -> Self {
        Self(EnvFrame::new(edits))
    }
}

impl Subject for Mutate<'_> {
    type Entry = MutateFn;
    type Output = ();
    const FUNCTION: Function = Function::Mutate;

    #[inline]
    unsafe fn invoke(
        entry: MutateFn,
        this: *mut Self,
        instance: *mut wire::Instance,
        call: *const wire::Call,
        reply: *mut wire::Reply,
    ) -> wire::Poll {
        // SAFETY: the caller vouches for `this`; no reference is made.
        let env = env_handle::wire_pointer(unsafe { &raw mut (*this).0 });
        // SAFETY: the function of a checked table; the caller vouches for the arguments.
        unsafe { entry(instance, call, env, reply) }
    }

    #[inline]
    fn finish(&mut self, ended: Result<(), Fault>, reply: &mut ReplyFrame) -> Result<(), Fault> {
        unless_defect(self.0.take_defect(), ended, reply)
    }
}
