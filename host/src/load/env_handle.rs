//! The environment of one call, as the plugin sees it: a handle over [`Edits`].

#![expect(unsafe_code, reason = "the plugin calls these functions with pointers")]

use provisionhook_plugin_abi::wire;

use super::{
    guard::guard,
    pointer::{self, BadPointer},
};
use crate::env::{Edits, Refusal};

static TABLE: wire::EnvVtable = wire::EnvVtable {
    struct_size: pointer::size_u32::<wire::EnvVtable>(),
    reserved: 0,
    get: Some(get),
    set: Some(set),
    unset: Some(unset),
};

/// What lies behind a `wire::Env`. Must not move while the plugin may use it.
#[repr(C)]
pub(super) struct EnvFrame<'a> {
    /// INVARIANT: first, so that a pointer to it is a pointer to the frame.
    wire: wire::Env,
    edits: &'a mut Edits,
    /// The first thing that the plugin did against the contract. What breaks the key rules, the edits remember.
    defect: Option<String>,
}

// SAFETY: the table is a static, and the edits may be sent (asserted below).
unsafe impl Send for EnvFrame<'_> {}

const _: () = {
    const fn may_be_sent<T: Send>() {}
    may_be_sent::<&mut Edits>();
};

impl<'a> EnvFrame<'a> {
    pub(super) fn new(edits: &'a mut Edits) -> Self {
        Self {
            wire: wire::Env {
                vtable: &raw const TABLE,
            },
            edits,
            defect: None,
        }
    }

    /// What the plugin did against the contract. It fails the call whatever the plugin returns.
    #[inline]
    pub(super) fn take_defect(&mut self) -> Option<String> {
        self.defect.take()
    }

    fn get(&mut self, key: wire::Str, value: *mut wire::Str) -> wire::EnvStatus {
        // SAFETY: borrowed for the length of this call.
        let key = match unsafe { pointer::text(key) } {
            Ok(key) => key,
            Err(bad) => return self.refuse("get", "a name", bad),
        };
        if value.is_null() || !value.is_aligned() {
            return self.refuse("get", "a place for the value", BadPointer::Null);
        }
        match self.edits.get(key) {
            Ok(Some(found)) => {
                // SAFETY: not null, aligned, and the plugin's own variable.
                unsafe { value.write(pointer::lend(found)) };
                wire::ENV_OK
            }
            Ok(None) => wire::ENV_ABSENT,
            Err(_remembered) => wire::ENV_REFUSED,
        }
    }

    #[inline]
    fn set(&mut self, key: wire::Str, value: wire::Str, flags: u32) -> wire::EnvStatus {
        // SAFETY: borrowed for the length of this call.
        let key = match unsafe {
            pointer::bytes(wire::Bytes {
                ptr: key.ptr,
                len: key.len,
            })
        } {
            Ok(key) => key,
            Err(bad) => return self.refuse("set", "a name", bad),
        };
        // SAFETY: borrowed for the length of this call.
        let value = match unsafe {
            pointer::bytes(wire::Bytes {
                ptr: value.ptr,
                len: value.len,
            })
        } {
            Ok(value) => value,
            Err(bad) => return self.refuse("set", "a value", bad),
        };
        status(
            self.edits
                .set_bytes(key, value, flags & wire::SET_SECRET != 0),
        )
    }

    fn unset(&mut self, key: wire::Str) -> wire::EnvStatus {
        // SAFETY: borrowed for the length of this call.
        match unsafe { pointer::text(key) } {
            Ok(key) => status(self.edits.unset(key)),
            Err(bad) => self.refuse("unset", "a name", bad),
        }
    }

    #[cold]
    fn refuse(&mut self, function: &str, what: &str, bad: BadPointer) -> wire::EnvStatus {
        self.defect
            .get_or_insert_with(|| format!("called env->{function} with {what} that {bad}"));
        wire::ENV_REFUSED
    }
}

#[inline]
fn status(result: Result<(), Refusal>) -> wire::EnvStatus {
    // The edits remember a refusal, and fail the transaction.
    if result.is_ok() {
        wire::ENV_OK
    } else {
        wire::ENV_REFUSED
    }
}

/// The pointer to give to the plugin.
pub(super) fn wire_pointer(frame: *mut EnvFrame<'_>) -> *mut wire::Env {
    frame.cast()
}

/// Runs `body` on the frame behind `env`. A panic of the host refuses the edit.
///
/// # Safety
/// If `env` is not null it came out of [`wire_pointer`] for a frame that is alive and that nobody else uses.
#[inline]
unsafe fn with_frame(
    env: *mut wire::Env,
    body: impl FnOnce(&mut EnvFrame<'_>) -> wire::EnvStatus,
) -> wire::EnvStatus {
    if env.is_null() {
        return wire::ENV_REFUSED;
    }
    // SAFETY: the handle is the first field of the frame, and the caller vouches for the frame.
    let frame = unsafe { &mut *env.cast::<EnvFrame<'_>>() };
    let status = guard(None, || Some(body(frame)));
    status.unwrap_or_else(|| {
        frame.defect = Some("made the host panic in env; the host's log has the place".to_owned());
        wire::ENV_REFUSED
    })
}

unsafe extern "C" fn get(
    env: *mut wire::Env,
    key: wire::Str,
    value: *mut wire::Str,
) -> wire::EnvStatus {
    // SAFETY: the contract: the handle of the call that the plugin is in, used by one thread.
    unsafe { with_frame(env, |frame| frame.get(key, value)) }
}

unsafe extern "C" fn set(
    env: *mut wire::Env,
    key: wire::Str,
    value: wire::Str,
    flags: u32,
) -> wire::EnvStatus {
    // SAFETY: the contract: the handle of the call that the plugin is in, used by one thread.
    unsafe { with_frame(env, |frame| frame.set(key, value, flags)) }
}

unsafe extern "C" fn unset(env: *mut wire::Env, key: wire::Str) -> wire::EnvStatus {
    // SAFETY: the contract: the handle of the call that the plugin is in, used by one thread.
    unsafe { with_frame(env, |frame| frame.unset(key)) }
}
