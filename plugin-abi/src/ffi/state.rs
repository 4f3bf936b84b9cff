//! One operation on the plugin's state under way, and the sink that takes the value.
#![expect(
    unsafe_code,
    reason = "the host calls back into the sink while the operation is polled"
)]

use zeroize::Zeroizing;

use super::{
    Host,
    host::read_fault,
    sink::{Asked, Sink},
};
use crate::{
    pointer,
    sdk::Fault,
    wire::{self, Bytes, State1, StateSink, StateSinkVtable, Str, wire_size},
};

/// What is done to the value of a key.
#[derive(Clone, Copy)]
pub(crate) enum Access<'a> {
    Read,
    Write(&'a [u8]),
    Remove,
}

/// An operation on the state under way.
pub(crate) type StateAsked = Asked<Value>;

/// Starts an operation.
///
/// # Errors
///
/// When the host has no such function, or is gone.
pub(super) fn start(
    host: &Host,
    state: &State1,
    key: &str,
    access: Access<'_>,
) -> Result<StateAsked, Fault> {
    let missing =
        |function| Fault::internal(format!("the host's state/1 has no function `{function}`"));
    let (raw, key) = (host.raw(), Str::new(key));
    let sink = Value {
        wire: StateSink { vtable: &VTABLE },
        found: None,
        fault: None,
    };
    match access {
        Access::Read => {
            let read = state.read.ok_or_else(|| missing("read"))?;
            // SAFETY: the host copies the key before it returns; the sink lives longer than the operation.
            Asked::start(host, sink, |sink| unsafe { read(raw, key, sink.cast()) })
        }
        Access::Write(value) => {
            let write = state.write.ok_or_else(|| missing("write"))?;
            let value = Bytes::new(value);
            // SAFETY: the host copies key and value before it returns; the sink lives longer than the operation.
            Asked::start(host, sink, |sink| unsafe {
                write(raw, key, value, sink.cast())
            })
        }
        Access::Remove => {
            let remove = state.remove.ok_or_else(|| missing("remove"))?;
            // SAFETY: the host copies the key before it returns; the sink lives longer than the operation.
            Asked::start(host, sink, |sink| unsafe { remove(raw, key, sink.cast()) })
        }
    }
}

/// The sink of an operation: what was read.
#[repr(C)]
pub(crate) struct Value {
    /// INVARIANT: first, so that a pointer to the sink is one to the wire's.
    wire: StateSink,
    found: Option<Zeroizing<Vec<u8>>>,
    fault: Option<Fault>,
}

impl Sink for Value {
    type Answer = Option<Zeroizing<Vec<u8>>>;

    fn take(&mut self) -> Result<Self::Answer, Fault> {
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(self.found.take()),
        }
    }
}

static VTABLE: StateSinkVtable = StateSinkVtable {
    struct_size: wire_size::<StateSinkVtable>(),
    reserved: 0,
    value: Some(value),
    fault: Some(fault),
};

/// # Safety
///
/// The sink that [`start`] gave to the host, while its owner is inside `poll`.
unsafe fn sink<'a>(raw: *mut StateSink) -> &'a mut Value {
    // SAFETY: the host gives back the pointer that it was given, and nobody else uses the sink meanwhile.
    unsafe { &mut *raw.cast::<Value>() }
}

/// # Safety
///
/// Called by the host as [`StateSinkVtable`] says.
unsafe extern "C" fn value(raw: *mut StateSink, value: Bytes) {
    // SAFETY: called by the host, as the contract says.
    let sink = unsafe { sink(raw) };
    // SAFETY: lent for this call.
    match unsafe { pointer::bytes(value) } {
        Ok(value) => sink.found = Some(Zeroizing::new(value.to_vec())),
        Err(error) => sink.fault = Some(Fault::internal(format!("the host's value: {error}"))),
    }
}

/// # Safety
///
/// Called by the host as [`StateSinkVtable`] says.
unsafe extern "C" fn fault(raw: *mut StateSink, fault: *const wire::Fault) {
    // SAFETY: called by the host, as the contract says.
    let sink = unsafe { sink(raw) };
    // SAFETY: lent for this call.
    sink.fault = Some(unsafe { read_fault(fault) });
}
