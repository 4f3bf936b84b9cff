//! `contribute` and the files.

#![expect(unsafe_code, reason = "calls the plugin's function")]

use provisionhook_plugin_abi::wire;

use super::{Subject, unless_defect};
use crate::{
    capability::Again,
    fault::Fault,
    files::Contribution,
    load::{
        entry::ContributeFn,
        files_handle::{self, FilesFrame},
        reply::{Function, ReplyFrame},
    },
};

/// The files of a call.
pub(in crate::load) struct Contribute<'a>(FilesFrame<'a>);

impl<'a> Contribute<'a> {
    pub(in crate::load) fn new(files: &'a mut Contribution) -> Self {
        Self(FilesFrame::new(files))
    }
}

impl Subject for Contribute<'_> {
    type Entry = ContributeFn;
    type Output = Again;
    const FUNCTION: Function = Function::Contribute;

    unsafe fn invoke(
        entry: ContributeFn,
        this: *mut Self,
        instance: *mut wire::Instance,
        call: *const wire::Call,
        reply: *mut wire::Reply,
    ) -> wire::Poll {
        // SAFETY: the caller vouches for `this`; no reference is made.
        let files = files_handle::wire_pointer(unsafe { &raw mut (*this).0 });
        // SAFETY: the function of a checked table; the caller vouches for the arguments.
        unsafe { entry(instance, call, files, reply) }
    }

    fn finish(&mut self, ended: Result<(), Fault>, reply: &mut ReplyFrame) -> Result<Again, Fault> {
        unless_defect(self.0.take_defect(), ended, reply).map(|()| reply.again())
    }
}
