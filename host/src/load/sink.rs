//! The plugin's end of an operation of the host: looked at before anything is begun.

#![expect(unsafe_code, reason = "reads the table of the plugin's sink")]

use std::{fmt, ptr};

use provisionhook_plugin_abi::wire;

use super::{
    guard::guard,
    host_op,
    host_table::HostTable,
    pointer::{self, BadPointer, SizeFirst},
};

/// A sink that cannot be called, so that there is nobody to tell but the operator.
pub(super) enum BadSink {
    Place(BadPointer),
    Table(BadPointer),
    Missing(&'static str),
}

/// The functions of a sink.
///
/// # Safety
/// If `sink` is not null it points to a live sink of the plugin, which opens with the pointer to this table.
pub(super) unsafe fn table<T: SizeFirst>(sink: *const *const T) -> Result<T, BadSink> {
    pointer::check_place(sink).map_err(BadSink::Place)?;
    // SAFETY: not null, aligned; the caller vouches for the rest.
    let table = unsafe { sink.read() };
    // SAFETY: the table of a sink lives as long as the sink.
    unsafe { pointer::sized(table) }.map_err(BadSink::Table)
}

/// A function that every sink has.
pub(super) fn filled<F>(name: &'static str, function: Option<F>) -> Result<F, BadSink> {
    function.ok_or(BadSink::Missing(name))
}

/// An operation for the plugin that holds this host, if its sink can be called; the sink is given the end of it.
///
/// # Safety
/// If `host` is not null it is the one that the plugin was given.
pub(super) unsafe fn operation<S>(
    host: *const wire::Host,
    service: &str,
    sink: Result<S, BadSink>,
    begin: impl FnOnce(&'static HostTable, S) -> *mut wire::Op,
) -> *mut wire::Op {
    guard(ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let Some(host) = (unsafe { HostTable::from_wire(host) }) else {
            return host_op::failed();
        };
        match sink {
            Ok(sink) => begin(host, sink),
            Err(bad) => {
                bad.log(host, service);
                host_op::failed()
            }
        }
    })
}

impl BadSink {
    #[cold]
    pub(super) fn log(&self, host: &HostTable, service: &str) {
        tracing::warn!(
            target: "plugin",
            plugin = host.plugin,
            "the plugin passed {service} a sink {self}; the operation fails: report it to the plugin's author"
        );
    }
}

impl fmt::Display for BadSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(bad) => write!(f, "that {bad}"),
            Self::Table(bad) => write!(f, "whose table {bad}"),
            Self::Missing(function) => write!(f, "without the function {function}"),
        }
    }
}
