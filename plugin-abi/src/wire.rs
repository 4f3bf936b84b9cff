//! The wire contract: every type that crosses between host and plugin, as plain C.
//!
//! `include/provisionhook.h` is generated from these files, so the prose here is the prose that a C author reads.
//!
//! Rules that hold for all of it:
//!
//! - A struct starts with `struct_size`, its size in bytes as its *maker* knew it; a table too. Who reads a field
//!   first checks that the size covers it. A missing tail means "not supported". Fields are only ever appended.
//!   The small value types [`Str`], [`Bytes`], [`Pair`] and [`Waker`] have no size and are frozen for ever.
//! - Strings are UTF-8, not NUL-terminated, and borrowed: valid for the call that passes them, unless the function
//!   says otherwise. `len == 0` is the empty string whatever `ptr` is, null included.
//! - Nobody frees what the other side allocated. Results are handed over by calling back; the receiver copies at once.
//! - No call may unwind out of the function that it entered. A plugin catches its own panics and exceptions.
//! - Unless a function says otherwise it may be called from any thread, and from several at the same time.

mod capability;
mod entry;
mod files;
mod operation;
mod prefix;
mod service;
mod size;
mod state;
mod subject;
mod value;

pub use self::{
    capability::{
        ENV_MUTATOR_1, EnvMutator1, FILE_CONTRIBUTOR_1, FileContributor1, TOKEN_PROVIDER_1,
        TokenProvider1, WORKSPACE_LIFECYCLE_1, WorkspaceLifecycle1,
    },
    entry::{ENTRY_SYMBOL, Entry, Host, Instance, NOTE_FORMAT, NOTE_NAME, NOTE_SECTION, NOTE_TYPE},
    files::{FILE_SECRET, FILES_OK, FILES_REFUSED, File, Files, FilesStatus, FilesVtable},
    operation::{
        Fault, FaultKind, Op, OpVtable, POLL_FAULT, POLL_PENDING, POLL_READY, Poll, Reply,
        ReplyVtable, Waker, WakerVtable,
    },
    prefix::{ABI_MAJOR, ABI_MINOR, MAGIC, Prefix},
    service::{
        CLOCK_1, Clock1, HTTP_1, Http1, HttpRequest, HttpSink, HttpSinkVtable, LEVEL_DEBUG,
        LEVEL_ERROR, LEVEL_INFO, LEVEL_TRACE, LEVEL_WARN, LOG_1, Log1, LogRecord,
    },
    size::wire_size,
    state::{STATE_1, State1, StateSink, StateSinkVtable},
    subject::{
        CALL_DRY_RUN, Call, ENV_ABSENT, ENV_OK, ENV_REFUSED, Env, EnvStatus, EnvVtable, SET_SECRET,
        Scope, Token,
    },
    value::{Bytes, Pair, Str},
};
