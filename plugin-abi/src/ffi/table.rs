//! The capability tables of a plugin, made from its trait impls.
#![expect(unsafe_code, reason = "these are the functions that the host calls")]

use std::{marker::PhantomData, sync::atomic::Ordering};

use super::{
    Call, Env, Scope,
    drive::{self, Frame},
    entry::Shell,
    reply::Reply,
};
use crate::{
    pointer::PointerError,
    sdk::{Class, EnvMutator, Fault, Plugin, TokenProvider},
    wire::{self, EnvMutator1, Instance, POLL_FAULT, TokenProvider1, wire_size},
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

/// # Safety
///
/// Called by the host as the table says.
unsafe extern "C" fn mutate<P: EnvMutator, C: Class>(
    instance: *mut Instance,
    call: *const wire::Call,
    env: *mut wire::Env,
    reply: *mut wire::Reply,
) -> wire::Poll {
    // SAFETY: the host's reply is valid until the call has ended.
    let Some(reply) = (unsafe { Reply::new(reply) }) else {
        return POLL_FAULT;
    };
    // SAFETY: `create` made the instance, and the host destroys it only after every call and operation has ended.
    let Some(shell) = (unsafe { Shell::<P>::of(instance) }) else {
        return reply.fault(&no_instance());
    };
    // SAFETY: the host's call is valid until it has ended, which the frame does not outlive.
    let call = match unsafe { Call::new(call) } {
        Ok(call) => call,
        Err(error) => return reply.fault(&unreadable("call", error)),
    };
    // SAFETY: the host's environment is valid, and this call's alone, until it has ended.
    let mut env = match unsafe { Env::new(env) } {
        Ok(env) => env,
        Err(error) => return reply.fault(&unreadable("environment", error)),
    };
    let Some(frame) = frame(shell, reply) else {
        return POLL_FAULT;
    };
    drive::run::<C, _, _>(
        frame,
        async move { shell.plugin.mutate(&call, &mut env).await },
    )
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
    // SAFETY: the host's reply is valid until the call has ended.
    let Some(reply) = (unsafe { Reply::new(reply) }) else {
        return POLL_FAULT;
    };
    // SAFETY: `create` made the instance, and the host destroys it only after every call and operation has ended.
    let Some(shell) = (unsafe { Shell::<P>::of(instance) }) else {
        return reply.fault(&no_instance());
    };
    // SAFETY: the host's call is valid until it has ended, which the frame does not outlive.
    let call = match unsafe { Call::new(call) } {
        Ok(call) => call,
        Err(error) => return reply.fault(&unreadable("call", error)),
    };
    // SAFETY: the host's scope is valid until the call has ended.
    let scope = match unsafe { Scope::new(scope) } {
        Ok(scope) => scope,
        Err(error) => return reply.fault(&unreadable("scope", error)),
    };
    let Some(frame) = frame(shell, reply) else {
        return POLL_FAULT;
    };
    drive::run::<C, _, _>(
        frame,
        async move { shell.plugin.token(&call, &scope).await },
    )
}

/// `None` after a panic; then the fault has been handed over.
fn frame<P: Plugin>(shell: &'static Shell<P>, reply: Reply) -> Option<Frame> {
    if shell.poisoned.load(Ordering::Acquire) {
        reply.fault(&drive::poisoned());
        return None;
    }
    Some(Frame {
        poisoned: &shell.poisoned,
        reply,
    })
}

#[cold]
fn no_instance() -> Fault {
    Fault::internal("expected the instance that `create` made, found null")
}

#[cold]
fn unreadable(what: &str, error: PointerError) -> Fault {
    Fault::internal(format!("the host's {what}: {error}"))
}
