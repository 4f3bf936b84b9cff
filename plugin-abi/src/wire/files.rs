//! The files that a plugin puts into a workspace.

use abi_stable::StableAbi;

use super::{Bytes, Str};

/// One of [`FILES_OK`], [`FILES_REFUSED`].
pub type FilesStatus = u32;

/// Done.
pub const FILES_OK: FilesStatus = 0;
/// The manifest does not declare the path, the operator does not grant it, or it cannot be a file of a workspace. The host
/// has noted why and fails the call with a `config` fault, whatever the plugin returns afterwards.
pub const FILES_REFUSED: FilesStatus = 2;

/// Flag of [`File`]: its content is a secret. It is redacted wherever it would be shown, and wiped from memory after use.
pub const FILE_SECRET: u32 = 1;

/// The files of one call. Valid until the call, or the operation that it started, has ended; used only by the thread that
/// is inside that call or its `poll`. Since 0.3.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Files {
    /// Never null. Host-private data follows it.
    pub vtable: *const FilesVtable,
}

/// The functions of a [`Files`]. None is null.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct FilesVtable {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Puts a file; one that this call has put at the same path before is replaced. Everything in `file` is copied before
    /// it returns.
    pub put: Option<unsafe extern "C" fn(files: *mut Files, file: *const File) -> FilesStatus>,
}

/// A file.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct File {
    /// Size of this struct in bytes.
    pub struct_size: u32,
    /// Bit set of `FILE_*`.
    pub flags: u32,
    /// Where, from the home directory of the workspace: names with `/` between them, none of them `.` or `..`. The manifest
    /// declares it under `files`.
    pub path: Str,
    /// Its permission bits, within octal 777; without those for group and others if it is secret.
    pub mode: u32,
    /// 0.
    pub reserved: u32,
    /// What is in it.
    pub bytes: Bytes,
}
