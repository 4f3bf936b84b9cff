//! What a call is about: the workspace, its environment, the scope of a token, the token.

use abi_stable::StableAbi;

use super::{Pair, Str};

/// Flag of [`Call`]: nothing will be started with the result. Do not create anything upstream that someone must clean up.
pub const CALL_DRY_RUN: u32 = 1;

/// One call, and the workspace that it is for. Valid until the call, or the operation that it started, has ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Call {
    /// Size of this struct in bytes.
    pub struct_size: u32,
    /// Bit set of `CALL_*`.
    pub flags: u32,
    /// Id of the workspace; empty when a token is asked for the platform itself.
    pub workspace_id: Str,
    /// The name that its user gave it; may be empty.
    pub workspace_name: Str,
    /// Its tenant; may be empty.
    pub tenant: Str,
    /// The role of the agent in it; may be empty.
    pub role: Str,
    /// Where it runs: `local`, `docker`, `kubernetes`; may be empty.
    pub runtime: Str,
    /// Its labels, sorted by key; null if there are none.
    pub labels: *const Pair,
    /// How many labels.
    pub label_count: usize,
    /// When the host stops waiting, on the clock that `clock/1` reads as `monotonic_ns`; 0 = no deadline.
    pub deadline_ns: u64,
    /// W3C `traceparent` of the provision; empty when it is not traced. Since 0.2.
    pub traceparent: Str,
}

/// One of [`ENV_OK`], [`ENV_ABSENT`], [`ENV_REFUSED`].
pub type EnvStatus = u32;

/// Done.
pub const ENV_OK: EnvStatus = 0;
/// There is no such variable.
pub const ENV_ABSENT: EnvStatus = 1;
/// The host's key rules forbid it, or the name or value cannot be put into an environment. The host has noted why and
/// fails the call with a `config` fault, whatever the plugin returns afterwards.
pub const ENV_REFUSED: EnvStatus = 2;

/// Flag of `set`: the value is a secret. It is redacted wherever it would be shown, and wiped from memory after use.
pub const SET_SECRET: u32 = 1;

/// The environment of one call: what earlier plugins wrote over what the workspace asked for. The edits of a call are a
/// transaction: they are kept only if it ends with [`POLL_READY`](super::POLL_READY). Valid until the call, or the
/// operation that it started, has ended; used only by the thread that is inside that call or its `poll`.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Env {
    /// Never null. Host-private data follows it.
    pub vtable: *const EnvVtable,
}

/// The functions of an [`Env`]. None is null.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct EnvVtable {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Reads a variable that the manifest declares under `reads` or `writes`. With [`ENV_OK`], `value` is borrowed until
    /// the next `set` or `unset` of this call; otherwise it is not written.
    pub get: Option<unsafe extern "C" fn(env: *mut Env, key: Str, value: *mut Str) -> EnvStatus>,
    /// Sets a variable that the manifest declares under `writes`. `flags` is a bit set of `SET_*`.
    pub set:
        Option<unsafe extern "C" fn(env: *mut Env, key: Str, value: Str, flags: u32) -> EnvStatus>,
    /// Removes a variable that the manifest declares under `writes`. Removing an absent one is [`ENV_OK`].
    pub unset: Option<unsafe extern "C" fn(env: *mut Env, key: Str) -> EnvStatus>,
}

/// What a token is for. Everything empty asks for the widest token that the provider gives.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Scope {
    /// Size of this struct in bytes.
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The service that the token is for, as the provider names it (a host name for git); may be empty.
    pub audience: Str,
    /// `owner/name` each, sorted; null if there are none.
    pub repositories: *const Str,
    /// How many repositories.
    pub repository_count: usize,
    /// Permission and level each (`contents`, `read`), sorted by key; null if there are none.
    pub permissions: *const Pair,
    /// How many permissions.
    pub permission_count: usize,
}

/// A token. Opaque: no length, no alphabet is assumed, except that it is not empty and holds no control character.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Token {
    /// Size of this struct in bytes.
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The token itself.
    pub value: Str,
    /// When it expires, in milliseconds since 1970 UTC; 0 = it does not say.
    pub expires_at_unix_ms: i64,
    /// The user name to go with it in HTTP basic authentication (git); empty = the host's default.
    pub username: Str,
}
