//! The capability tables of a plugin, made from its trait impls.
#![expect(unsafe_code, reason = "these are the functions that the host calls")]

use std::marker::PhantomData;

use super::{Env, Files, Scope, enter::enter};
use crate::{
    sdk::{Class, EnvMutator, FileContributor, TokenProvider, WorkspaceLifecycle},
    wire::{
        self, EnvMutator1, FileContributor1, Instance, TokenProvider1, WorkspaceLifecycle1,
        wire_size,
    },
};

/// The tables of a plugin `P` of the execution class `C`.
#[derive(Debug)]
pub struct Tables<P, C>(PhantomData<(P, C)>);

impl<P: EnvMutator, C: Class> Tables<P, C> {
    /// `env-mutator/1`.
    pub const ENV_MUTATOR: &'static EnvMutator1 = &EnvMutator1 {
        struct_size: wire_size::<EnvMutator1>(),
        reserved: 0,
        mutate: Some(mutate::<P, C>),
    };
}

impl<P: TokenProvider, C: Class> Tables<P, C> {
    /// `token-provider/1`.
    pub const TOKEN_PROVIDER: &'static TokenProvider1 = &TokenProvider1 {
        struct_size: wire_size::<TokenProvider1>(),
        reserved: 0,
        token: Some(token::<P, C>),
    };
}

impl<P: FileContributor, C: Class> Tables<P, C> {
    /// `file-contributor/1`.
    pub const FILE_CONTRIBUTOR: &'static FileContributor1 = &FileContributor1 {
        struct_size: wire_size::<FileContributor1>(),
        reserved: 0,
        contribute: Some(contribute::<P, C>),
    };
}

impl<P: WorkspaceLifecycle, C: Class> Tables<P, C> {
    /// `workspace-lifecycle/1`.
    pub const WORKSPACE_LIFECYCLE: &'static WorkspaceLifecycle1 = &WorkspaceLifecycle1 {
        struct_size: wire_size::<WorkspaceLifecycle1>(),
        reserved: 0,
        tend: Some(tend::<P, C>),
        ended: Some(ended::<P, C>),
    };
}

/// # Safety
///
/// Called by the host as the table says.
unsafe extern "C" fn mutate<P: EnvMutator, C: Class>(
    instance: *mut Instance,
    call: *const wire::Call,
    env: *mut wire::Env,
    reply: *mut wire::Reply,
) -> wire::Poll {
    let begin = |plugin: &'static P, call| {
        // SAFETY: the host's environment is valid, and this call's alone, until it has ended.
        let mut env = unsafe { Env::new(env) }.map_err(|error| ("environment", error))?;
        Ok(async move { plugin.mutate(&call, &mut env).await })
    };
    // SAFETY: called by the host, as the contract says.
    unsafe { enter::<P, C, _, _>(instance, call, reply, begin) }
}

/// # Safety
///
/// Called by the host as the table says.
unsafe extern "C" fn token<P: TokenProvider, C: Class>(
    instance: *mut Instance,
    call: *const wire::Call,
    scope: *const wire::Scope,
    reply: *mut wire::Reply,
) -> wire::Poll {
    let begin = |plugin: &'static P, call| {
        // SAFETY: the host's scope is valid until the call has ended.
        let scope = unsafe { Scope::new(scope) }.map_err(|error| ("scope", error))?;
        Ok(async move { plugin.token(&call, &scope).await })
    };
    // SAFETY: called by the host, as the contract says.
    unsafe { enter::<P, C, _, _>(instance, call, reply, begin) }
}

/// # Safety
///
/// Called by the host as the table says.
unsafe extern "C" fn contribute<P: FileContributor, C: Class>(
    instance: *mut Instance,
    call: *const wire::Call,
    files: *mut wire::Files,
    reply: *mut wire::Reply,
) -> wire::Poll {
    let begin = |plugin: &'static P, call| {
        // SAFETY: the host's files are valid, and this call's alone, until it has ended.
        let mut files = unsafe { Files::new(files) }.map_err(|error| ("files", error))?;
        Ok(async move { plugin.contribute(&call, &mut files).await })
    };
    // SAFETY: called by the host, as the contract says.
    unsafe { enter::<P, C, _, _>(instance, call, reply, begin) }
}

/// # Safety
///
/// Called by the host as the table says.
unsafe extern "C" fn tend<P: WorkspaceLifecycle, C: Class>(
    instance: *mut Instance,
    call: *const wire::Call,
    reply: *mut wire::Reply,
) -> wire::Poll {
    let begin = |plugin: &'static P, call| Ok(async move { plugin.tend(&call).await });
    // SAFETY: called by the host, as the contract says.
    unsafe { enter::<P, C, _, _>(instance, call, reply, begin) }
}

/// # Safety
///
/// Called by the host as the table says.
unsafe extern "C" fn ended<P: WorkspaceLifecycle, C: Class>(
    instance: *mut Instance,
    call: *const wire::Call,
    reply: *mut wire::Reply,
) -> wire::Poll {
    let begin = |plugin: &'static P, call| Ok(async move { plugin.ended(&call).await });
    // SAFETY: called by the host, as the contract says.
    unsafe { enter::<P, C, _, _>(instance, call, reply, begin) }
}
