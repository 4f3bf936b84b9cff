//! [`Files`]: where a plugin puts the files of a workspace.
#![expect(unsafe_code, reason = "calls the functions of the host's handle")]

use std::{fmt, marker::PhantomData};

use crate::{
    pointer::{self, PointerError},
    sdk::Fault,
    wire::{
        self, Bytes, FILE_SECRET, FILES_OK, FILES_REFUSED, FilesStatus, FilesVtable, Str, wire_size,
    },
};

/// The files of one call. They are kept only if it succeeds.
pub struct Files<'a> {
    raw: *mut wire::Files,
    vtable: FilesVtable,
    borrowed: PhantomData<&'a mut ()>,
}

// SAFETY: the host allows use by whichever thread is inside the call or its poll. Not `Sync`: by one at a time.
unsafe impl Send for Files<'_> {}

impl Files<'_> {
    /// # Safety
    ///
    /// Files of the host that stay valid, and are nobody else's, for the lifetime that the caller picks.
    ///
    /// # Errors
    ///
    /// When a pointer is unusable.
    pub(crate) unsafe fn new(raw: *mut wire::Files) -> Result<Self, PointerError> {
        Ok(Self {
            raw,
            // SAFETY: the host's handle, valid as the caller says.
            vtable: unsafe { pointer::table(raw) }?,
            borrowed: PhantomData,
        })
    }

    /// Puts a file. `path` is relative to the workspace's home directory, with `/` between names, and declared under
    /// `files` in the manifest; `mode` is its permission bits, such as `0o644`. A file that this call has put at the same path
    /// before is replaced.
    ///
    /// # Errors
    ///
    /// When the path is not declared or granted, or cannot be a file of a workspace. The host has noted why, and fails the
    /// call even if the plugin goes on.
    pub fn put(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), Fault> {
        self.hand_over(path, mode, bytes, 0)
    }

    /// Puts a file with a secret in it: it is redacted wherever it would be shown, and wiped from memory after use. `mode`
    /// has no bits for group and others: `0o600`, or `0o700` for a program.
    ///
    /// # Errors
    ///
    /// As for [`put`](Self::put).
    pub fn put_secret(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), Fault> {
        self.hand_over(path, mode, bytes, FILE_SECRET)
    }

    /// # Errors
    ///
    /// As for [`put`](Self::put).
    fn hand_over(&mut self, path: &str, mode: u32, bytes: &[u8], flags: u32) -> Result<(), Fault> {
        let Some(put) = self.vtable.put else {
            return Err(Fault::internal("the host's files have no function `put`"));
        };
        let file = wire::File {
            struct_size: wire_size::<wire::File>(),
            flags,
            path: Str::new(path),
            mode,
            reserved: 0,
            bytes: Bytes::new(bytes),
        };
        // SAFETY: the handle is valid; the file lives through the call, in which the host copies it.
        match unsafe { put(self.raw, &raw const file) } {
            FILES_OK => Ok(()),
            other => Err(refused(path, other)),
        }
    }
}

#[cold]
fn refused(path: &str, status: FilesStatus) -> Fault {
    match status {
        FILES_REFUSED => Fault::config(format!("the host refused to put the file {path:?}")),
        other => Fault::internal(format!(
            "expected files status 0 or 2 to put the file {path:?}, found {other}"
        )),
    }
}

impl fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}
