//! `token` and the scope.

#![expect(unsafe_code, reason = "calls the plugin's function")]

use provisionhook_plugin_abi::wire;

use super::Subject;
use crate::{
    capability::{Scope, Token},
    fault::Fault,
    load::{
        entry::TokenFn,
        pointer,
        reply::{Function, ReplyFrame},
    },
};

/// The scope of a call.
pub(in crate::load) struct GetToken<'a> {
    scope: wire::Scope,
    /// INVARIANT: `scope` points into these and into `_source`; a vector's elements stay where they are when it moves.
    _repositories: Vec<wire::Str>,
    _permissions: Vec<wire::Pair>,
    _source: &'a Scope,
}

// SAFETY: the pointers lead to the vectors here, which move along, and to `_source`, which may be read from any thread.
unsafe impl Send for GetToken<'_> {}

impl<'a> GetToken<'a> {
    pub(in crate::load) fn new(source: &'a Scope) -> Self {
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
            repositories: pointer::start_of(&repositories),
            repository_count: repositories.len(),
            permissions: pointer::start_of(&permissions),
            permission_count: permissions.len(),
        };
        Self {
            scope,
            _repositories: repositories,
            _permissions: permissions,
            _source: source,
        }
    }
}

impl Subject for GetToken<'_> {
    type Entry = TokenFn;
    type Output = Token;
    const FUNCTION: Function = Function::Token;

    unsafe fn invoke(
        entry: TokenFn,
        this: *mut Self,
        instance: *mut wire::Instance,
        call: *const wire::Call,
        reply: *mut wire::Reply,
    ) -> wire::Poll {
        // SAFETY: the caller vouches for `this`; no reference is made.
        let scope = unsafe { &raw const (*this).scope };
        // SAFETY: the function of a checked table; the caller vouches for the arguments.
        unsafe { entry(instance, call, scope, reply) }
    }

    fn finish(&mut self, ended: Result<(), Fault>, reply: &mut ReplyFrame) -> Result<Token, Fault> {
        ended.and_then(|()| reply.token())
    }
}
