//! `state/1`: what a plugin keeps from one run of the platform to the next.

#![expect(
    unsafe_code,
    reason = "the plugin calls these functions with pointers, and is called back"
)]

use std::ptr;

use provisionhook_plugin_abi::wire;
use zeroize::Zeroizing;

use super::{
    fault,
    guard::guard,
    host_op,
    host_table::HostTable,
    pointer,
    sink::{self, BadSink},
};
use crate::{
    fault::{Fault, FaultKind},
    services::state::PluginState,
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
    unsafe { start(host, key, sink, async |state, key| state.read(&key).await) }
}

unsafe extern "C" fn write(
    host: *const wire::Host,
    key: wire::Str,
    value: wire::Bytes,
    sink: *mut wire::StateSink,
) -> *mut wire::Op {
    // SAFETY: borrowed for the length of this call.
    let value = unsafe { pointer::bytes(value) }
        .map(|value| Zeroizing::new(value.to_vec()))
        .map_err(|bad| defect(&format!("a value that {bad}")));
    let work = async |state: PluginState, key: String| {
        state.write(&key, value?).await?;
        Ok(None)
    };
    // SAFETY: the plugin's arguments, as the contract has them.
    unsafe { start(host, key, sink, work) }
}

unsafe extern "C" fn remove(
    host: *const wire::Host,
    key: wire::Str,
    sink: *mut wire::StateSink,
) -> *mut wire::Op {
    let work = async |state: PluginState, key: String| {
        state.remove(&key).await?;
        Ok(None)
    };
    // SAFETY: the plugin's arguments, as the contract has them.
    unsafe { start(host, key, sink, work) }
}

/// An operation that does `work` on the plugin's own state.
///
/// # Safety
/// If they are not null, `host` is the one that the plugin was given, the key is readable for this call, and the sink lives
/// until the operation is dropped.
unsafe fn start<W>(
    host: *const wire::Host,
    key: wire::Str,
    sink: *mut wire::StateSink,
    work: impl FnOnce(PluginState, String) -> W + Send + 'static,
) -> *mut wire::Op
where
    W: Future<Output = Result<Found, Fault>> + Send,
{
    guard(ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let Some(host) = (unsafe { HostTable::from_wire(host) }) else {
            return host_op::failed();
        };
        // SAFETY: the caller's promise.
        let sink = match unsafe { Sink::new(sink) } {
            Ok(sink) => sink,
            Err(bad) => return bad.failed(host, "state"),
        };
        // SAFETY: the caller's promise.
        let key = unsafe { pointer::text(key) }
            .map(str::to_owned)
            .map_err(|bad| defect(&format!("a key that {bad}")));
        // The value is handed over by the last step of the future, so inside the plugin's poll.
        host_op::start(host, async move {
            let result = match key {
                Ok(key) => work(host.state.clone(), key).await,
                Err(fault) => Err(fault),
            };
            sink.deliver(result)
        })
    })
}

fn defect(passed: &str) -> Fault {
    Fault::new(
        FaultKind::Internal,
        format!("the plugin passed state/1 {passed}; report it to its author"),
    )
}
