//! [`Env`]: the environment that a mutator edits.
#![expect(
    unsafe_code,
    reason = "calls the functions of the host's environment handle"
)]

use std::{fmt, marker::PhantomData};

use crate::{
    pointer::{self, PointerError},
    sdk::Fault,
    wire::{self, ENV_ABSENT, ENV_OK, ENV_REFUSED, EnvStatus, EnvVtable, SET_SECRET, Str},
};

/// The environment of one call: what earlier plugins wrote over what the workspace asked for. The edits of a call are a
/// transaction: they are kept only if it succeeds.
pub struct Env<'a> {
    raw: *mut wire::Env,
    vtable: EnvVtable,
    borrowed: PhantomData<&'a mut ()>,
}

// SAFETY: the host allows use by whichever thread is inside the call or its poll. Not `Sync`: by one at a time.
unsafe impl Send for Env<'_> {}

impl Env<'_> {
    /// # Safety
    ///
    /// An environment of the host that stays valid, and is nobody else's, for the lifetime that the caller picks.
    ///
    /// # Errors
    ///
    /// When a pointer is unusable, or the host refuses.
    pub(crate) unsafe fn new(raw: *mut wire::Env) -> Result<Self, PointerError> {
        Ok(Self {
            raw,
            // SAFETY: the host's handle, valid as the caller says.
            vtable: unsafe { pointer::table(raw) }?,
            borrowed: PhantomData,
        })
    }

    /// Reads a variable that the manifest declares under `reads` or `writes`; `None` if it is not set.
    ///
    /// # Errors
    ///
    /// When the manifest does not declare it.
    pub fn get(&self, key: &str) -> Result<Option<&str>, Fault> {
        let mut value = Str::EMPTY;
        let Some(get) = self.vtable.get else {
            return Err(unfinished("get"));
        };
        // SAFETY: the environment is valid; key and value live through the call.
        let status = unsafe { get(self.raw, Str::new(key), &raw mut value) };
        match status {
            ENV_OK => {
                // SAFETY: borrowed until the next edit, and edits take `&mut self`.
                let value = unsafe { pointer::text(value) };
                value
                    .map(Some)
                    .map_err(|error| Fault::internal(format!("the host's value of {key}: {error}")))
            }
            ENV_ABSENT => Ok(None),
            other => Err(refused("read", key, other)),
        }
    }

    /// Sets a variable that the manifest declares under `writes`.
    ///
    /// # Errors
    ///
    /// When the key is not declared or granted, or key or value cannot be put into an environment. The host has noted why,
    /// and fails the call even if the plugin goes on.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Fault> {
        self.put(key, value, 0)
    }

    /// Sets a variable to a secret: it is redacted wherever it would be shown, and wiped from memory after use.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set).
    pub fn set_secret(&mut self, key: &str, value: &str) -> Result<(), Fault> {
        self.put(key, value, SET_SECRET)
    }

    /// Removes a variable that the manifest declares under `writes`. Removing an absent one is fine.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set).
    pub fn unset(&mut self, key: &str) -> Result<(), Fault> {
        let Some(unset) = self.vtable.unset else {
            return Err(unfinished("unset"));
        };
        // SAFETY: the environment is valid; the key lives through the call.
        match unsafe { unset(self.raw, Str::new(key)) } {
            ENV_OK => Ok(()),
            other => Err(refused("remove", key, other)),
        }
    }

    /// # Errors
    ///
    /// When a pointer is unusable, or the host refuses.
    fn put(&mut self, key: &str, value: &str, flags: u32) -> Result<(), Fault> {
        let Some(set) = self.vtable.set else {
            return Err(unfinished("set"));
        };
        // SAFETY: the environment is valid; key and value live through the call.
        match unsafe { set(self.raw, Str::new(key), Str::new(value), flags) } {
            ENV_OK => Ok(()),
            other => Err(refused("set", key, other)),
        }
    }
}

#[cold]
fn refused(verb: &str, key: &str, status: EnvStatus) -> Fault {
    match status {
        ENV_REFUSED => Fault::config(format!("the host refused to {verb} {key:?}")),
        other => Fault::internal(format!(
            "expected env status 0, 1 or 2 to {verb} {key:?}, found {other}"
        )),
    }
}

#[cold]
fn unfinished(function: &str) -> Fault {
    Fault::internal(format!(
        "the host's environment has no function `{function}`"
    ))
}

impl fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}
