//! Where the two sides meet: the note in the file, the plugin's entry, the host's table.

use core::ffi::c_void;

use abi_stable::StableAbi;

use super::{Bytes, Poll, Prefix, Reply, Str};

/// Name of the data symbol of type [`Entry`] that a plugin exports, unless its manifest names another one (`entry`).
pub const ENTRY_SYMBOL: &str = "provisionhook_plugin_entry";
/// Section of the ELF note that holds the manifest.
pub const NOTE_SECTION: &str = ".note.provisionhook";
/// Name in the ELF note.
pub const NOTE_NAME: &str = "provisionhook";
/// Type in the ELF note.
pub const NOTE_TYPE: u32 = 1;
/// First word of the note's descriptor; then `abi_major` and `abi_minor` as 16 bits each, then the manifest as JSON.
pub const NOTE_FORMAT: u32 = 1;

/// An instance of a plugin; opaque to the host.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Instance {
    /// Nothing that the host looks at.
    pub opaque: [u8; 0],
}

/// The plugin's entry: *data*, not a function, so that the host can check it before any function of the plugin is called.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Entry {
    /// Magic, size, ABI version.
    pub prefix: Prefix,
    /// The manifest, byte for byte as in the note.
    pub manifest: Bytes,
    /// Layout of the Rust mirror of this contract, as `abi_stable` describes it; null in other languages.
    pub rust_layout: *const c_void,
    /// Makes an instance. Called once at boot, and again after a panic; `config` is JSON, its `$file` and `$env`
    /// references already resolved. With [`POLL_READY`](super::POLL_READY), `*instance` is the plugin's until `destroy`.
    /// May block for a short while. Must not return [`POLL_PENDING`](super::POLL_PENDING). Never null.
    pub create: Option<
        unsafe extern "C" fn(
            host: *const Host,
            config: Bytes,
            reply: *mut Reply,
            instance: *mut *mut Instance,
        ) -> Poll,
    >,
    /// Ends an instance. Called once, when no call and no operation of it is left, from any thread. Never null.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut Instance)>,
    /// Gives the table of a capability, or null for one that the plugin does not have. The table lives as long as the
    /// library. Every capability that the manifest lists must be there. Never null.
    pub extension: Option<unsafe extern "C" fn(id: Str) -> *const c_void>,
}

/// What the host gives to a plugin. Valid from `create` until `destroy` has returned.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Host {
    /// Magic, size, ABI version of the host.
    pub prefix: Prefix,
    /// Gives the table of a service, or null for one that this host does not have. The table lives as long as the host.
    pub extension: Option<unsafe extern "C" fn(host: *const Host, id: Str) -> *const c_void>,
}
