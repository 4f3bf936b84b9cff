//! The root of the contract: one struct that leads to all of it.

use abi_stable::{StableAbi, type_layout::TypeLayout};

use crate::wire::{
    Call, Clock1, Entry, Env, EnvMutator1, Fault, File, FileContributor1, Files, Host, Http1,
    HttpRequest, HttpSink, Log1, LogRecord, Op, Reply, Scope, State1, StateSink, Token,
    TokenProvider1, Waker, WorkspaceLifecycle1,
};

/// Everything that is found by name or by id, and with it everything that those mention.
#[repr(C)]
#[derive(StableAbi)]
struct Contract {
    entry: *const Entry,
    host: *const Host,
    env_mutator: *const EnvMutator1,
    token_provider: *const TokenProvider1,
    file_contributor: *const FileContributor1,
    workspace_lifecycle: *const WorkspaceLifecycle1,
    log: *const Log1,
    clock: *const Clock1,
    http: *const Http1,
    state: *const State1,
    call: *const Call,
    env: *const Env,
    files: *const Files,
    file: *const File,
    scope: *const Scope,
    token: *const Token,
    reply: *const Reply,
    fault: *const Fault,
    op: *const Op,
    waker: *const Waker,
    request: *const HttpRequest,
    sink: *const HttpSink,
    state_sink: *const StateSink,
    record: *const LogRecord,
}

pub(super) const fn root() -> &'static TypeLayout {
    <Contract as StableAbi>::LAYOUT
}
