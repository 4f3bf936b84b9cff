//! What a host lends to a call, or takes from it: reply, environment, waker, operation. They keep all that is handed over.

use std::{
    collections::BTreeMap,
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use provisionhook_plugin_abi::{
    pointer,
    wire::{
        self, ENV_ABSENT, ENV_OK, ENV_REFUSED, EnvStatus, EnvVtable, FILE_SECRET, FILES_OK,
        FILES_REFUSED, FaultKind, File, FilesStatus, FilesVtable, Op, Poll, ReplyVtable,
        SET_SECRET, Str, Token, Waker, WakerVtable, wire_size,
    },
};

use super::host::text;

/// What a plugin handed over in one call.
#[repr(C)]
pub(crate) struct TestReply {
    reply: wire::Reply,
    pub(crate) fault: Option<(FaultKind, String, u64)>,
    pub(crate) token: Option<(String, i64, String)>,
    pub(crate) again: Option<u64>,
    pub(crate) pending: *mut Op,
}

static REPLY: ReplyVtable = ReplyVtable {
    struct_size: wire_size::<ReplyVtable>(),
    reserved: 0,
    fault: Some(reply_fault),
    token: Some(reply_token),
    pending: Some(reply_pending),
    again: Some(reply_again),
};

impl TestReply {
    pub(crate) fn new() -> Self {
        Self {
            reply: wire::Reply { vtable: &REPLY },
            fault: None,
            token: None,
            again: None,
            pending: ptr::null_mut(),
        }
    }

    /// As a host of 0.2 has it, which nobody can ask to be called again.
    pub(crate) fn of_0_2() -> Self {
        static REPLY_0_2: ReplyVtable = ReplyVtable {
            struct_size: wire_size::<ReplyVtable>() - 8,
            ..REPLY
        };
        Self {
            reply: wire::Reply { vtable: &REPLY_0_2 },
            ..Self::new()
        }
    }

    pub(crate) fn raw(&mut self) -> *mut wire::Reply {
        ptr::from_mut(self).cast()
    }
}

unsafe extern "C" fn reply_fault(reply: *mut wire::Reply, fault: *const wire::Fault) {
    // SAFETY: lent for this call.
    let fault = unsafe { pointer::sized(fault) }.unwrap();
    // SAFETY: the reply is the first field of a live `TestReply`.
    unsafe { &mut *reply.cast::<TestReply>() }.fault =
        Some((fault.kind, text(fault.message), fault.retry_after_ms));
}

unsafe extern "C" fn reply_token(reply: *mut wire::Reply, token: *const Token) {
    // SAFETY: lent for this call.
    let token = unsafe { pointer::sized(token) }.unwrap();
    let token = (
        text(token.value),
        token.expires_at_unix_ms,
        text(token.username),
    );
    // SAFETY: the reply is the first field of a live `TestReply`.
    unsafe { &mut *reply.cast::<TestReply>() }.token = Some(token);
}

unsafe extern "C" fn reply_pending(reply: *mut wire::Reply, op: *mut Op) {
    // SAFETY: the reply is the first field of a live `TestReply`.
    unsafe { &mut *reply.cast::<TestReply>() }.pending = op;
}

unsafe extern "C" fn reply_again(reply: *mut wire::Reply, after_ms: u64) {
    // SAFETY: the reply is the first field of a live `TestReply`.
    unsafe { &mut *reply.cast::<TestReply>() }.again = Some(after_ms);
}

/// An environment: a map, with the secret flag. `FORBIDDEN` is refused.
#[repr(C)]
pub(crate) struct TestEnv {
    env: wire::Env,
    pub(crate) variables: BTreeMap<String, (String, bool)>,
}

static ENV: EnvVtable = EnvVtable {
    struct_size: wire_size::<EnvVtable>(),
    reserved: 0,
    get: Some(env_get),
    set: Some(env_set),
    unset: Some(env_unset),
};

impl TestEnv {
    pub(crate) fn new() -> Self {
        Self {
            env: wire::Env { vtable: &ENV },
            variables: BTreeMap::new(),
        }
    }

    pub(crate) fn raw(&mut self) -> *mut wire::Env {
        ptr::from_mut(self).cast()
    }

    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.variables.get(key).map(|(value, _)| value.as_str())
    }
}

fn env<'a>(raw: *mut wire::Env) -> &'a mut TestEnv {
    // SAFETY: the handle is the first field of a live `TestEnv`, which only the running call uses.
    unsafe { &mut *raw.cast::<TestEnv>() }
}

unsafe extern "C" fn env_get(raw: *mut wire::Env, key: Str, value: *mut Str) -> EnvStatus {
    match env(raw).variables.get(&text(key)) {
        Some((found, _)) => {
            // SAFETY: the plugin's own place for a string.
            unsafe { value.write(Str::new(found)) };
            ENV_OK
        }
        None => ENV_ABSENT,
    }
}

unsafe extern "C" fn env_set(raw: *mut wire::Env, key: Str, value: Str, flags: u32) -> EnvStatus {
    if text(key) == "FORBIDDEN" {
        return ENV_REFUSED;
    }
    env(raw)
        .variables
        .insert(text(key), (text(value), flags & SET_SECRET != 0));
    ENV_OK
}

unsafe extern "C" fn env_unset(raw: *mut wire::Env, key: Str) -> EnvStatus {
    env(raw).variables.remove(&text(key));
    ENV_OK
}

/// Files: a map, with mode and secret flag. `forbidden` is refused.
#[repr(C)]
pub(crate) struct TestFiles {
    files: wire::Files,
    pub(crate) put: BTreeMap<String, (u32, bool, Vec<u8>)>,
}

static FILES: FilesVtable = FilesVtable {
    struct_size: wire_size::<FilesVtable>(),
    reserved: 0,
    put: Some(files_put),
};

impl TestFiles {
    pub(crate) fn new() -> Self {
        Self {
            files: wire::Files { vtable: &FILES },
            put: BTreeMap::new(),
        }
    }

    pub(crate) fn raw(&mut self) -> *mut wire::Files {
        ptr::from_mut(self).cast()
    }
}

unsafe extern "C" fn files_put(raw: *mut wire::Files, file: *const File) -> FilesStatus {
    // SAFETY: the handle is the first field of a live `TestFiles`, which only the running call uses.
    let files = unsafe { &mut *raw.cast::<TestFiles>() };
    // SAFETY: lent for this call.
    let file = unsafe { pointer::sized(file) }.unwrap();
    // SAFETY: lent for this call.
    let bytes = unsafe { pointer::bytes(file.bytes) }.unwrap().to_vec();
    if text(file.path) == "forbidden" {
        return FILES_REFUSED;
    }
    let secret = file.flags & FILE_SECRET != 0;
    files
        .put
        .insert(text(file.path), (file.mode, secret, bytes));
    FILES_OK
}

/// A waker that counts.
pub(crate) struct Woken(pub(crate) AtomicUsize);

static COUNTING: WakerVtable = WakerVtable {
    struct_size: wire_size::<WakerVtable>(),
    reserved: 0,
    clone: Some(same),
    wake: Some(count),
    wake_by_ref: Some(count),
    drop: Some(nothing),
};

impl Woken {
    pub(crate) fn waker(&self) -> Waker {
        Waker {
            vtable: &COUNTING,
            data: ptr::from_ref(self).cast_mut().cast(),
        }
    }
}

unsafe extern "C" fn same(data: *mut c_void) -> *mut c_void {
    data
}

unsafe extern "C" fn count(data: *mut c_void) {
    // SAFETY: the data of every waker with this table is a live `Woken`.
    unsafe { &*data.cast::<Woken>() }
        .0
        .fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn nothing(_: *mut c_void) {}

/// An operation that the test owns as a host does.
pub(crate) struct Owned(pub(crate) *mut Op);

impl Owned {
    pub(crate) fn poll(&mut self, waker: &Waker) -> Poll {
        // SAFETY: a live operation has a table.
        let table = unsafe { *(*self.0).vtable };
        // SAFETY: a live operation, polled from one thread at a time.
        unsafe { table.poll.unwrap()(self.0, waker) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: a live operation has a table.
        let table = unsafe { *(*self.0).vtable };
        // SAFETY: dropped once.
        unsafe { table.drop.unwrap()(self.0) };
    }
}
