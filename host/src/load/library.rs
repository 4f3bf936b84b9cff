//! Step 7: `dlopen`. The first moment at which code of the plugin runs: its constructors.

#![expect(unsafe_code, reason = "dlopen and dlsym")]

use std::sync::Arc;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use provisionhook_plugin_abi::wire;

use super::entry::{self, Functions, Promise};
use crate::{mismatch::Mismatch, verify::Verified};

/// A library that stays loaded until the process ends. It is never closed: `dlclose` often does nothing, and where it
/// does something it pulls the code from under threads and destructors that still need it.
#[derive(Clone, Copy)]
pub(super) struct Resident(&'static Kept);

struct Kept {
    library: Library,
    /// INVARIANT: its sealed file is open for as long as the library is loaded. glibc knows a library by the path that
    /// it was opened with, and gives the old one for a reused `/proc/self/fd/N`.
    _file: Arc<Verified>,
}

impl Resident {
    /// Loads the sealed file. Runs the constructors of the library and of everything that it needs.
    pub(super) fn open(file: Arc<Verified>) -> Result<Self, Mismatch> {
        let path = file.sealed().path();
        // SAFETY: runs the plugin's constructors. Its file passed every check that can be made without running it, and
        // in-process plugins are trusted (DESIGN 8).
        let opened = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        let library = opened.map_err(|error| {
            let text = error
                .to_string()
                .replace(&format!("{}: ", path.display()), "");
            Mismatch::new(
                "a library that the dynamic linker can load",
                text,
                "install what it needs on this machine, or rebuild the plugin for it",
            )
        })?;
        Ok(Self(Box::leak(Box::new(Kept {
            library,
            _file: file,
        }))))
    }

    /// Checks the entry and the tables, and gives their functions.
    pub(super) fn functions(self, promise: Promise<'_>) -> Result<Functions, Mismatch> {
        let entry = self.entry(&promise.manifest.entry)?;
        // SAFETY: the address of the entry symbol, not null, in a library that is never unloaded.
        unsafe { entry::functions(entry, promise) }
    }

    /// The address of the entry, never null. Nothing is read from it here.
    fn entry(self, name: &str) -> Result<*const wire::Entry, Mismatch> {
        // SAFETY: only the address is taken; the entry module checks what is there before it believes it.
        let symbol = unsafe { self.0.library.get::<*const wire::Entry>(name) };
        match symbol.map(|symbol| symbol.as_raw_ptr().cast::<wire::Entry>().cast_const()) {
            Ok(address) if !address.is_null() => Ok(address),
            Ok(_) | Err(_) => Err(Mismatch::new(
                format!("the exported data symbol {name}"),
                "no such symbol",
                "define it in the plugin, and keep the linker from hiding it",
            )),
        }
    }
}
