//! The files of one call, as the plugin sees them: a handle over a [`Contribution`].

#![expect(unsafe_code, reason = "the plugin calls this function with pointers")]

use provisionhook_plugin_abi::wire;

use super::{guard::guard, pointer};
use crate::files::Contribution;

static TABLE: wire::FilesVtable = wire::FilesVtable {
    struct_size: pointer::size_u32::<wire::FilesVtable>(),
    reserved: 0,
    put: Some(put),
};

/// What lies behind a `wire::Files`. Must not move while the plugin may use it.
#[repr(C)]
pub(super) struct FilesFrame<'a> {
    /// INVARIANT: first, so that a pointer to it is a pointer to the frame.
    wire: wire::Files,
    files: &'a mut Contribution,
    /// The first thing that the plugin did against the contract. What breaks the rules for files, the contribution remembers.
    defect: Option<String>,
}

// SAFETY: the table is a static, and the contribution may be sent (asserted below).
unsafe impl Send for FilesFrame<'_> {}

const _: () = {
    const fn may_be_sent<T: Send>() {}
    may_be_sent::<&mut Contribution>();
};

impl<'a> FilesFrame<'a> {
    pub(super) fn new(files: &'a mut Contribution) -> Self {
        Self {
            wire: wire::Files {
                vtable: &raw const TABLE,
            },
            files,
            defect: None,
        }
    }

    /// What the plugin did against the contract. It fails the call whatever the plugin returns.
    pub(super) fn take_defect(&mut self) -> Option<String> {
        self.defect.take()
    }

    fn put(&mut self, file: *const wire::File) -> wire::FilesStatus {
        // SAFETY: the plugin's pointer, for the length of this call.
        match unsafe { self.try_put(file) } {
            Ok(status) => status,
            Err(what) => {
                self.defect
                    .get_or_insert_with(|| format!("called files->put with {what}"));
                wire::FILES_REFUSED
            }
        }
    }

    /// # Safety
    /// `file` and what it points to are the plugin's for the length of this call.
    unsafe fn try_put(&mut self, file: *const wire::File) -> Result<wire::FilesStatus, String> {
        // SAFETY: the caller's promise.
        let file = unsafe { pointer::sized(file) }.map_err(|bad| format!("a file that {bad}"))?;
        // SAFETY: the caller's promise.
        let path =
            unsafe { pointer::text(file.path) }.map_err(|bad| format!("a path that {bad}"))?;
        // SAFETY: the caller's promise.
        let bytes =
            unsafe { pointer::bytes(file.bytes) }.map_err(|bad| format!("content that {bad}"))?;
        let secret = file.flags & wire::FILE_SECRET != 0;
        // The contribution remembers a refusal, and fails the call.
        Ok(match self.files.put(path, file.mode, secret, bytes) {
            Ok(()) => wire::FILES_OK,
            Err(_remembered) => wire::FILES_REFUSED,
        })
    }
}

/// The pointer to give to the plugin.
pub(super) fn wire_pointer(frame: *mut FilesFrame<'_>) -> *mut wire::Files {
    frame.cast()
}

unsafe extern "C" fn put(files: *mut wire::Files, file: *const wire::File) -> wire::FilesStatus {
    // SAFETY: the contract: null, or the handle of the call that the plugin is in, used by one thread; it is the first field
    // of a frame that is alive.
    let Some(frame) = (unsafe { files.cast::<FilesFrame<'_>>().as_mut() }) else {
        return wire::FILES_REFUSED;
    };
    let status = guard(None, || Some(frame.put(file)));
    status.unwrap_or_else(|| {
        frame.defect =
            Some("made the host panic in files; the host's log has the place".to_owned());
        wire::FILES_REFUSED
    })
}
