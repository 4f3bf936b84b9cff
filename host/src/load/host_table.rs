//! What the host gives to a plugin: the table of its services, and behind it what those services need to know.

#![expect(
    unsafe_code,
    reason = "the plugin calls back with a pointer to this table"
)]

use std::{ffi::c_void, ptr, sync::Arc, time::Duration};

use provisionhook_plugin_abi::wire;
use tokio::runtime::Handle;

use super::{Services, clock, guard::guard, http, log, pointer, state};
use crate::{
    redact::{Guard, Redactor},
    services::{
        http::{HostGrants, HttpClient},
        state::PluginState,
    },
    verify::Verified,
};

/// One for each plugin. Never freed, as its library is never closed: a thread of the plugin may log at any time.
#[repr(C)]
pub(super) struct HostTable {
    /// INVARIANT: first, so that a pointer to it is a pointer to the whole.
    wire: wire::Host,
    /// Name of the plugin.
    pub(super) plugin: String,
    pub(super) runtime: Handle,
    pub(super) redactor: Redactor,
    pub(super) http: HttpClient,
    /// The hosts that this plugin may reach.
    pub(super) grants: Arc<HostGrants>,
    /// For `state/1`.
    pub(super) state: PluginState,
    /// How long its `create` may take.
    pub(super) load_limit: Duration,
    /// The secrets in its config: a plugin may log at any time, so they are redacted for as long as there is this table.
    _config_secrets: Vec<Guard>,
}

impl HostTable {
    /// A table that lives as long as the process.
    pub(super) fn leak(plugin: &Verified, services: &Services) -> &'static Self {
        let prefix = wire::Prefix {
            magic: wire::MAGIC,
            struct_size: pointer::size_u32::<wire::Host>(),
            abi_major: wire::ABI_MAJOR,
            abi_minor: wire::ABI_MINOR,
        };
        Box::leak(Box::new(Self {
            wire: wire::Host {
                prefix,
                extension: Some(extension),
            },
            plugin: plugin.name().to_owned(),
            runtime: services.runtime.clone(),
            redactor: services.redactor.clone(),
            http: services.http.clone(),
            grants: Arc::new(plugin.hosts().clone()),
            state: services.state.of(plugin.name()),
            load_limit: services.load_limit,
            _config_secrets: plugin
                .secrets()
                .iter()
                .map(|secret| services.redactor.protect(secret))
                .collect(),
        }))
    }

    /// The pointer to give to the plugin.
    pub(super) fn as_wire(&'static self) -> *const wire::Host {
        ptr::from_ref(self).cast()
    }

    /// The table behind what a plugin passes back.
    ///
    /// # Safety
    /// If `host` is not null it came out of [`as_wire`](Self::as_wire).
    pub(super) unsafe fn from_wire(host: *const wire::Host) -> Option<&'static Self> {
        // SAFETY: the wire part is the first field of a table that is never freed.
        unsafe { host.cast::<Self>().as_ref() }
    }
}

unsafe extern "C" fn extension(_host: *const wire::Host, id: wire::Str) -> *const c_void {
    guard(ptr::null(), || {
        // SAFETY: borrowed for the length of this call.
        match unsafe { pointer::text(id) } {
            Ok(wire::LOG_1) => (&raw const log::TABLE).cast(),
            Ok(wire::CLOCK_1) => (&raw const clock::TABLE).cast(),
            Ok(wire::HTTP_1) => (&raw const http::TABLE).cast(),
            Ok(wire::STATE_1) => (&raw const state::TABLE).cast(),
            Ok(_) | Err(_) => ptr::null(),
        }
    })
}
