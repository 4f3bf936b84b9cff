//! The tables that a plugin offers, asked for by id.

use abi_stable::StableAbi;

use super::{Call, Env, Files, Instance, Poll, Reply, Scope};

/// Id of [`EnvMutator1`].
pub const ENV_MUTATOR_1: &str = "env-mutator/1";
/// Id of [`TokenProvider1`].
pub const TOKEN_PROVIDER_1: &str = "token-provider/1";
/// Id of [`FileContributor1`]. Since 0.3.
pub const FILE_CONTRIBUTOR_1: &str = "file-contributor/1";
/// Id of [`WorkspaceLifecycle1`]. Since 0.3.
pub const WORKSPACE_LIFECYCLE_1: &str = "workspace-lifecycle/1";

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

/// `file-contributor/1`: puts files into the home directory of a workspace. Since 0.3.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct FileContributor1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Called after the chain and before the workspace starts, and again while it runs if `reply->again` asked for that.
    /// Each call hands over all files of the plugin as they should be now: one that is not put again is removed. If it
    /// does not end with [`POLL_READY`](super::POLL_READY), everything stays as it was. Never null.
    pub contribute: Option<
        unsafe extern "C" fn(
            instance: *mut Instance,
            call: *const Call,
            files: *mut Files,
            reply: *mut Reply,
        ) -> Poll,
    >,
}

/// `workspace-lifecycle/1`: looks after what was made upstream for a workspace, while it runs and when it has gone. Since
/// 0.3.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct WorkspaceLifecycle1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Renews what would run out. Called soon after a workspace has started, after a restart of the platform for each
    /// workspace that still runs, and again when `reply->again` asked for it. Never null.
    pub tend: Option<
        unsafe extern "C" fn(instance: *mut Instance, call: *const Call, reply: *mut Reply) -> Poll,
    >,
    /// Revokes and cleans up what was made for a workspace: it has ended, or its provision failed after the chain had
    /// begun. Called at least once, also for a workspace for which the plugin made nothing, and again after a fault or a
    /// restart of the platform: what is gone already is no fault. Never null.
    pub ended: Option<
        unsafe extern "C" fn(instance: *mut Instance, call: *const Call, reply: *mut Reply) -> Poll,
    >,
}
