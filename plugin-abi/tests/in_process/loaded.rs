//! A plugin as a host holds it: made through its entry, called through its tables.

use std::ptr;

use provisionhook_plugin_abi::{
    ffi::Exported,
    wire::{
        self, Bytes, ENV_MUTATOR_1, EnvMutator1, FILE_CONTRIBUTOR_1, FaultKind, FileContributor1,
        Instance, POLL_READY, Poll, Scope, Str, TOKEN_PROVIDER_1, TokenProvider1,
        WORKSPACE_LIFECYCLE_1, WorkspaceLifecycle1, wire_size,
    },
};

use super::{
    handles::{TestEnv, TestFiles, TestReply},
    host::TestHost,
};

type LifecycleFn = unsafe extern "C" fn(*mut Instance, *const wire::Call, *mut wire::Reply) -> Poll;

/// A plugin made through its entry; destroyed when dropped.
pub(crate) struct Loaded {
    entry: &'static wire::Entry,
    instance: *mut Instance,
    pub(crate) host: Box<TestHost>,
}

impl Loaded {
    pub(crate) fn create<P: Exported>(config: &str) -> Result<Self, (FaultKind, String, u64)> {
        Self::create_on::<P>(TestHost::new(), config)
    }

    pub(crate) fn create_on<P: Exported>(
        host: Box<TestHost>,
        config: &str,
    ) -> Result<Self, (FaultKind, String, u64)> {
        let entry = P::entry();
        let (mut reply, mut instance) = (TestReply::new(), ptr::null_mut());
        let create = entry.create.unwrap();
        let config = Bytes::new(config.as_bytes());
        // SAFETY: all arguments live through the call, and the host until `destroy`.
        let ended = unsafe {
            create(
                &raw const host.table,
                config,
                reply.raw(),
                &raw mut instance,
            )
        };
        match ended {
            POLL_READY => Ok(Self {
                entry,
                instance,
                host,
            }),
            _ => Err(reply.fault.unwrap()),
        }
    }

    pub(crate) fn mutate(&self, env: &mut TestEnv, reply: &mut TestReply) -> Poll {
        // SAFETY: the contract gives this table, or null, for this id.
        let table = unsafe { self.table::<EnvMutator1>(ENV_MUTATOR_1) }.unwrap();
        let call = call("ws-1");
        // SAFETY: all arguments live until the call has ended, because the tests keep them.
        unsafe {
            table.mutate.unwrap()(
                self.instance,
                Box::leak(Box::new(call)),
                env.raw(),
                reply.raw(),
            )
        }
    }

    pub(crate) fn token(&self, repositories: &'static [Str], reply: &mut TestReply) -> Poll {
        // SAFETY: the contract gives this table, or null, for this id.
        let table = unsafe { self.table::<TokenProvider1>(TOKEN_PROVIDER_1) }.unwrap();
        let scope = Scope {
            struct_size: wire_size::<Scope>(),
            flags: 0,
            audience: Str::new("github.com"),
            repositories: repositories.as_ptr(),
            repository_count: repositories.len(),
            permissions: ptr::null(),
            permission_count: 0,
        };
        let (call, scope) = (Box::leak(Box::new(call(""))), Box::leak(Box::new(scope)));
        // SAFETY: all arguments live until the call has ended.
        unsafe { table.token.unwrap()(self.instance, call, scope, reply.raw()) }
    }

    pub(crate) fn contribute(&self, files: &mut TestFiles, reply: &mut TestReply) -> Poll {
        // SAFETY: the contract gives this table, or null, for this id.
        let table = unsafe { self.table::<FileContributor1>(FILE_CONTRIBUTOR_1) }.unwrap();
        let call = Box::leak(Box::new(call("ws-1")));
        // SAFETY: all arguments live until the call has ended, because the tests keep them.
        unsafe { table.contribute.unwrap()(self.instance, call, files.raw(), reply.raw()) }
    }

    pub(crate) fn tend(&self, reply: &mut TestReply) -> Poll {
        self.about_the_call(|table| table.tend.unwrap(), reply)
    }

    pub(crate) fn ended(&self, reply: &mut TestReply) -> Poll {
        self.about_the_call(|table| table.ended.unwrap(), reply)
    }

    fn about_the_call(
        &self,
        function: impl FnOnce(&WorkspaceLifecycle1) -> LifecycleFn,
        reply: &mut TestReply,
    ) -> Poll {
        // SAFETY: the contract gives this table, or null, for this id.
        let table = unsafe { self.table::<WorkspaceLifecycle1>(WORKSPACE_LIFECYCLE_1) }.unwrap();
        let call = Box::leak(Box::new(call("ws-1")));
        // SAFETY: all arguments live until the call has ended, because the tests keep them.
        unsafe { function(table)(self.instance, call, reply.raw()) }
    }

    /// # Safety
    ///
    /// `T` is the type that the contract names `id`.
    pub(crate) unsafe fn table<T>(&self, id: &str) -> Option<&'static T> {
        let extension = self.entry.extension.unwrap();
        // SAFETY: the id lives through the call.
        let table = unsafe { extension(Str::new(id)) };
        // SAFETY: null or a table of that type, which lives as long as the plugin.
        unsafe { table.cast::<T>().as_ref() }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: the test's calls have ended.
        unsafe { self.entry.destroy.unwrap()(self.instance) };
    }
}

fn call(id: &'static str) -> wire::Call {
    wire::Call {
        struct_size: wire_size::<wire::Call>(),
        flags: 0,
        workspace_id: Str::new(id),
        workspace_name: Str::new("demo"),
        tenant: Str::new("acme"),
        role: Str::EMPTY,
        runtime: Str::new("local"),
        labels: ptr::null(),
        label_count: 0,
        deadline_ns: 7_000_000_000,
        traceparent: Str::EMPTY,
    }
}
