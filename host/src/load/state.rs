//! `state/1`: what a plugin keeps from one run of the platform to the next.

#![expect(
    unsafe_code,
    reason = "the plugin calls these functions with pointers, and is called back"
)]

use provisionhook_plugin_abi::wire;
use zeroize::Zeroizing;

use super::{
    fault, host_op,
    host_table::HostTable,
    pointer::{self, BadPointer},
    sink::{self, BadSink},
};
use crate::{
    fault::{Fault, FaultKind},
    services::state::{Access, PluginState},
};

pub(super) static TABLE: wire::State1 = wire::State1 {
    struct_size: pointer::size_u32::<wire::State1>(),
    reserved: 0,
    read: Some(read),
    write: Some(write),
    remove: Some(remove),
};

/// The plugin's end of an operation, with its functions checked.
#[derive(Clone, Copy)]
struct Sink {
    sink: *mut wire::StateSink,
    value: unsafe extern "C" fn(*mut wire::StateSink, wire::Bytes),
    fault: unsafe extern "C" fn(*mut wire::StateSink, *const wire::Fault),
}

// SAFETY: the sink is called only from inside a poll of the plugin, which may come from any thread, one at a time.
unsafe impl Send for Sink {}

/// What was read; nothing after a write or a removal.
type Found = Option<Zeroizing<Vec<u8>>>;

impl Sink {
    /// # Safety
    /// If `sink` is not null it is the plugin's, and lives until the operation is dropped.
    unsafe fn new(sink: *mut wire::StateSink) -> Result<Self, BadSink> {
        // SAFETY: the caller's promise; a sink opens with the pointer to its table.
        let table = unsafe { sink::table::<wire::StateSinkVtable>(sink.cast()) }?;
        Ok(Self {
            sink,
            value: sink::filled("value", table.value)?,
            fault: sink::filled("fault", table.fault)?,
        })
    }

    /// Hands over the end of the operation, and gives what it then answers.
    fn deliver(self, result: Result<Found, Fault>) -> wire::Poll {
        match result {
            Ok(None) => wire::POLL_READY,
            Ok(Some(value)) => {
                // SAFETY: a function of the plugin's sink, from inside its call; the bytes outlive it.
                unsafe { (self.value)(self.sink, pointer::lend_bytes(&value)) };
                wire::POLL_READY
            }
            Err(fault) => {
                let wire = fault::lend(&fault);
                // SAFETY: a function of the plugin's sink, from inside its call; the fault outlives it.
                unsafe { (self.fault)(self.sink, &raw const wire) };
                wire::POLL_FAULT
            }
        }
    }
}

unsafe extern "C" fn read(
    host: *const wire::Host,
    key: wire::Str,
    sink: *mut wire::StateSink,
) -> *mut wire::Op {
    // SAFETY: the plugin's arguments, as the contract has them.
    unsafe { start(host, key, sink, |state, key| Ok(state.read(key))) }
}

unsafe extern "C" fn write(
    host: *const wire::Host,
    key: wire::Str,
    value: wire::Bytes,
    sink: *mut wire::StateSink,
) -> *mut wire::Op {
    let begin = |state: &PluginState, key: &str| {
        // SAFETY: borrowed for the length of this call, in which the state copies it.
        let value = unsafe { pointer::bytes(value) }.map_err(|bad| ("a value", bad))?;
        Ok(nothing(state.write(key, value)))
    };
    // SAFETY: the plugin's arguments, as the contract has them.
    unsafe { start(host, key, sink, begin) }
}

unsafe extern "C" fn remove(
    host: *const wire::Host,
    key: wire::Str,
    sink: *mut wire::StateSink,
) -> *mut wire::Op {
    let begin = |state: &PluginState, key: &str| Ok(nothing(state.remove(key)));
    // SAFETY: the plugin's arguments, as the contract has them.
    unsafe { start(host, key, sink, begin) }
}

fn nothing(access: Access<()>) -> Access<Found> {
    Box::pin(async { access.await.map(|()| None) })
}

/// An operation that does what `begin` says on the plugin's own state.
///
/// # Safety
/// If they are not null, `host` is the one that the plugin was given, the key is readable for this call, and the sink lives
/// until the operation is dropped.
unsafe fn start(
    host: *const wire::Host,
    key: wire::Str,
    sink: *mut wire::StateSink,
    begin: impl FnOnce(&PluginState, &str) -> Result<Access<Found>, (&'static str, BadPointer)>,
) -> *mut wire::Op {
    // SAFETY: the caller's promise.
    let sink = unsafe { Sink::new(sink) };
    let begin = |host: &'static HostTable, sink: Sink| {
        // SAFETY: the caller's promise.
        let key = unsafe { pointer::text(key) }.map_err(|bad| ("a key", bad));
        let access = key.and_then(|key| begin(&host.state, key));
        // The value is handed over by the last step of the future, so inside the plugin's poll.
        host_op::start(host, async move {
            let result = match access {
                Ok(access) => access.await,
                Err((what, bad)) => Err(defect(what, bad)),
            };
            sink.deliver(result)
        })
    };
    // SAFETY: the caller's promise.
    unsafe { sink::operation(host, wire::STATE_1, sink, begin) }
}

fn defect(what: &str, bad: BadPointer) -> Fault {
    Fault::new(
        FaultKind::Internal,
        format!("the plugin passed state/1 {what} that {bad}; report it to its author"),
    )
}
