//! The tables that a plugin offers, asked for by id.

use abi_stable::StableAbi;

use super::{Call, Env, Instance, Poll, Reply, Scope};

/// Id of [`EnvMutator1`].
pub const ENV_MUTATOR_1: &str = "env-mutator/1";
/// Id of [`TokenProvider1`].
pub const TOKEN_PROVIDER_1: &str = "token-provider/1";

/// `env-mutator/1`: puts variables into the environment of a workspace before it starts.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct EnvMutator1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Called once for each provision. Never null. Execution class `inline` must not return
    /// [`POLL_PENDING`](super::POLL_PENDING); class `blocking` is called on a thread of its own and may block.
    pub mutate: Option<
        unsafe extern "C" fn(
            instance: *mut Instance,
            call: *const Call,
            env: *mut Env,
            reply: *mut Reply,
        ) -> Poll,
    >,
}

/// `token-provider/1`: hands out fresh tokens while a workspace runs.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct TokenProvider1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Called when the host's cache has no usable token for the scope, never twice at the same time for the same scope.
    /// Never null. Hands the token to `reply->token`. The plugin need not cache.
    pub token: Option<
        unsafe extern "C" fn(
            instance: *mut Instance,
            call: *const Call,
            scope: *const Scope,
            reply: *mut Reply,
        ) -> Poll,
    >,
}
