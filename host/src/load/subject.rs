//! What a call is about, per capability: the environment for `mutate`, the scope for `token`.

#![expect(unsafe_code, reason = "calls the plugin's functions")]

use std::ptr;

use provisionhook_plugin_abi::wire;

use super::{
    entry::{MutateFn, TokenFn},
    env_handle::{self, EnvFrame},
    pointer,
    reply::{Function, ReplyFrame},
};
use crate::{
    capability::{Scope, Token},
    env::Edits,
    fault::{Fault, FaultKind},
};

/// One function of a capability, with its own argument.
pub(super) trait Subject {
    /// What a successful call gives.
    type Output;
    /// Its name in what a fault says.
    const FUNCTION: Function;

    /// Calls the plugin.
    ///
    /// # Safety
    /// `this`, `call` and `reply` stay where they are and alive until the call, or the operation that it starts, has
    /// ended; `instance` is a live instance of the plugin that the function belongs to.
    unsafe fn invoke(
        this: *mut Self,
        instance: *mut wire::Instance,
        call: *const wire::Call,
        reply: *mut wire::Reply,
    ) -> wire::Poll;

    /// What the call gives, after it has ended like this.
    fn finish(
        &mut self,
        ended: Result<(), Fault>,
        reply: &mut ReplyFrame,
    ) -> Result<Self::Output, Fault>;
}

/// `mutate` and the environment.
pub(super) struct Mutate<'a> {
    function: MutateFn,
    env: EnvFrame<'a>,
}

impl<'a> Mutate<'a> {
    pub(super) fn new(function: MutateFn, edits: &'a mut Edits) -> Self {
        Self {
            function,
            env: EnvFrame::new(edits),
        }
    }
}

impl Subject for Mutate<'_> {
    type Output = ();
    const FUNCTION: Function = Function::Mutate;

    #[inline]
    unsafe fn invoke(
        this: *mut Self,
        instance: *mut wire::Instance,
        call: *const wire::Call,
        reply: *mut wire::Reply,
    ) -> wire::Poll {
        // SAFETY: the caller vouches for `this`.
        let function = unsafe { (*this).function };
        // SAFETY: the caller vouches for `this`; no reference is made.
        let env = env_handle::wire_pointer(unsafe { &raw mut (*this).env });
        // SAFETY: the function of a checked table; the caller vouches for the arguments.
        unsafe { function(instance, call, env, reply) }
    }

    #[inline]
    fn finish(&mut self, ended: Result<(), Fault>, reply: &mut ReplyFrame) -> Result<(), Fault> {
        match (self.env.take_defect(), ended) {
            (None, ended) => ended,
            (Some(_), Err(fault)) if fault.kind == FaultKind::Panicked => Err(fault),
            (Some(what), _) => Err(reply.defect(&what)),
        }
    }
}

/// `token` and the scope.
pub(super) struct GetToken<'a> {
    function: TokenFn,
    scope: wire::Scope,
    /// INVARIANT: `scope` points into these and into `_source`; a vector's elements stay where they are when it moves.
    _repositories: Vec<wire::Str>,
    _permissions: Vec<wire::Pair>,
    _source: &'a Scope,
}

// SAFETY: the pointers lead to the vectors here, which move along, and to `_source`, which may be read from any thread.
unsafe impl Send for GetToken<'_> {}

impl<'a> GetToken<'a> {
    pub(super) fn new(function: TokenFn, source: &'a Scope) -> Self {
        let repositories: Vec<_> = source
            .repositories
            .iter()
            .map(|name| pointer::lend(name))
            .collect();
        let pair = |(key, value): &(String, String)| wire::Pair {
            key: pointer::lend(key),
            value: pointer::lend(value),
        };
        let permissions: Vec<_> = source.permissions.iter().map(pair).collect();
        let scope = wire::Scope {
            struct_size: pointer::size_u32::<wire::Scope>(),
            flags: 0,
            audience: pointer::lend(&source.audience),
            repositories: start_of(&repositories),
            repository_count: repositories.len(),
            permissions: start_of(&permissions),
            permission_count: permissions.len(),
        };
        Self {
            function,
            scope,
            _repositories: repositories,
            _permissions: permissions,
            _source: source,
        }
    }
}

impl Subject for GetToken<'_> {
    type Output = Token;
    const FUNCTION: Function = Function::Token;

    unsafe fn invoke(
        this: *mut Self,
        instance: *mut wire::Instance,
        call: *const wire::Call,
        reply: *mut wire::Reply,
    ) -> wire::Poll {
        // SAFETY: the caller vouches for `this`.
        let function = unsafe { (*this).function };
        // SAFETY: the caller vouches for `this`; no reference is made.
        let scope = unsafe { &raw const (*this).scope };
        // SAFETY: the function of a checked table; the caller vouches for the arguments.
        unsafe { function(instance, call, scope, reply) }
    }

    fn finish(&mut self, ended: Result<(), Fault>, reply: &mut ReplyFrame) -> Result<Token, Fault> {
        ended.and_then(|()| reply.token())
    }
}

/// Null for an empty list, as the contract has it.
pub(super) fn start_of<T>(items: &[T]) -> *const T {
    if items.is_empty() {
        ptr::null()
    } else {
        items.as_ptr()
    }
}
