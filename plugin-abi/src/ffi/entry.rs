//! The life of an instance, and the entry that the host finds in the library.
#![expect(unsafe_code, reason = "these are the functions that the host calls")]

use std::{ffi::c_void, sync::atomic::AtomicBool};

use super::{Host, drive, reply::Reply};
use crate::{
    layout,
    manifest::Note,
    pointer,
    sdk::{self, Fault, Plugin},
    wire::{
        self, ABI_MAJOR, ABI_MINOR, Bytes, Entry, Instance, MAGIC, POLL_FAULT, POLL_READY, Prefix,
        Str, wire_size,
    },
};

/// Implemented by [`export_plugin!`](crate::export_plugin). For tests that call a plugin through its entry without loading
/// a library.
pub trait Exported {
    /// The entry, as the library exports it.
    fn entry() -> &'static Entry;
}

/// An [`Entry`] in a `static`.
#[repr(transparent)]
#[derive(Debug)]
pub struct ExportedEntry(Entry);

// SAFETY: it is never changed, and leads only to statics and functions.
unsafe impl Sync for ExportedEntry {}

impl ExportedEntry {
    /// The entry of `P`.
    pub const fn new<P: Plugin, const N: usize>(
        note: &'static Note<N>,
        extension: unsafe extern "C" fn(Str) -> *const c_void,
    ) -> Self {
        Self(Entry {
            prefix: Prefix {
                magic: MAGIC,
                struct_size: wire_size::<Entry>(),
                abi_major: ABI_MAJOR,
                abi_minor: ABI_MINOR,
            },
            manifest: Bytes::new(note.manifest()),
            rust_layout: layout::exported(),
            create: Some(create::<P>),
            destroy: Some(destroy::<P>),
            extension: Some(extension),
        })
    }

    /// The entry itself.
    pub const fn get(&self) -> &Entry {
        &self.0
    }
}

/// The table of a capability.
///
/// # Safety
///
/// `id` is a string of the host, valid through this call.
pub unsafe fn extension(id: Str, tables: &[(&str, *const c_void)]) -> *const c_void {
    // SAFETY: the caller's promise is the same.
    let Ok(id) = (unsafe { pointer::text(id) }) else {
        return std::ptr::null();
    };
    tables
        .iter()
        .find(|(known, _)| *known == id)
        .map_or(std::ptr::null(), |(_, table)| *table)
}

/// An instance: the author's value, and what the SDK keeps with it.
pub(crate) struct Shell<P> {
    pub(super) plugin: P,
    pub(super) poisoned: AtomicBool,
    host: Host,
}

impl<P: Plugin> Shell<P> {
    /// # Safety
    ///
    /// Null, or what [`create`] made. Not used after [`destroy`].
    pub(super) unsafe fn of(instance: *mut Instance) -> Option<&'static Self> {
        // SAFETY: as the caller says; the host calls `destroy` only when no call and no operation is left.
        unsafe { instance.cast_const().cast::<Self>().as_ref() }
    }
}

/// # Safety
///
/// Called by the host as [`Entry`] says.
unsafe extern "C" fn create<P: Plugin>(
    host: *const wire::Host,
    config: Bytes,
    reply: *mut wire::Reply,
    instance: *mut *mut Instance,
) -> wire::Poll {
    // SAFETY: the host's reply is valid until the call has ended.
    let Some(reply) = (unsafe { Reply::new(reply) }) else {
        return POLL_FAULT;
    };
    if instance.is_null() {
        return reply.fault(&Fault::internal(
            "expected a place for the instance, found null",
        ));
    }
    // SAFETY: the host's table is valid until `destroy` has returned, or this has failed.
    let host = match unsafe { Host::new(host) } {
        Ok(host) => host,
        Err(fault) => return reply.fault(&fault),
    };
    // SAFETY: the host lends the config for the call.
    let config = match unsafe { pointer::bytes(config) } {
        Ok(config) => config,
        Err(error) => return reply.fault(&Fault::internal(format!("the host's config: {error}"))),
    };
    sdk::log::attach(&host);
    let poisoned = AtomicBool::new(false);
    let made = drive::guard(&poisoned, || P::create(sdk::read_config(config)?, &host))
        .and_then(|made| made);
    match made {
        Ok(plugin) => {
            let shell = Box::into_raw(Box::new(Shell {
                plugin,
                poisoned,
                host,
            }));
            // SAFETY: not null, and the host has room for a pointer there.
            unsafe { instance.write(shell.cast()) };
            POLL_READY
        }
        Err(fault) => {
            retire(&host);
            reply.fault(&fault)
        }
    }
}

/// # Safety
///
/// Called by the host as [`Entry`] says.
unsafe extern "C" fn destroy<P: Plugin>(instance: *mut Instance) {
    if instance.is_null() {
        return;
    }
    // SAFETY: what `create` made, given back once, when nothing of it runs any more.
    let shell = unsafe { Box::from_raw(instance.cast::<Shell<P>>()) };
    let Shell {
        plugin,
        poisoned,
        host,
    } = *shell;
    // A panic in the destructor has nobody to tell: the instance is gone either way.
    drop(drive::guard(&poisoned, || drop(plugin)));
    retire(&host);
}

/// No clone of `host` reaches the host from here on.
fn retire(host: &Host) {
    sdk::log::detach(host);
    host.close();
}
