//! `tend` and `ended`: there is nothing but the call.

#![expect(unsafe_code, reason = "calls the plugin's functions")]

use provisionhook_plugin_abi::wire;

use super::Subject;
use crate::{
    capability::Again,
    fault::Fault,
    load::{
        entry::LifecycleFn,
        reply::{Function, ReplyFrame},
    },
};

/// A workspace that runs.
pub(in crate::load) struct Tend;

/// A workspace that has gone.
pub(in crate::load) struct Ended;

macro_rules! about_the_call_alone {
    ($subject:ty, $output:ty, $function:expr, $answer:expr) => {
        impl Subject for $subject {
            type Entry = LifecycleFn;
            type Output = $output;
            const FUNCTION: Function = $function;

            unsafe fn invoke(
                entry: LifecycleFn,
                _this: *mut Self,
                instance: *mut wire::Instance,
                call: *const wire::Call,
                reply: *mut wire::Reply,
            ) -> wire::Poll {
                // SAFETY: the function of a checked table; the caller vouches for the arguments.
                unsafe { entry(instance, call, reply) }
            }

            fn finish(
                &mut self,
                ended: Result<(), Fault>,
                reply: &mut ReplyFrame,
            ) -> Result<$output, Fault> {
                ended.map(|()| $answer(reply))
            }
        }
    };
}

about_the_call_alone!(Tend, Again, Function::Tend, |reply: &mut ReplyFrame| reply
    .again());
about_the_call_alone!(Ended, (), Function::Ended, |_: &mut ReplyFrame| ());
