//! `state/1` of the host that the tests play: a map. The key `broken` cannot be read or written.

use provisionhook_plugin_abi::{
    pointer,
    wire::{
        self, Bytes, FaultKind, Op, POLL_FAULT, POLL_READY, Poll, State1, StateSink, Str, wire_size,
    },
};

use super::{
    host::{host, text},
    two_steps::two_steps,
};

pub(crate) static TABLE: State1 = State1 {
    struct_size: wire_size::<State1>(),
    reserved: 0,
    read: Some(read),
    write: Some(write),
    remove: Some(remove),
};

unsafe extern "C" fn read(raw: *const wire::Host, key: Str, sink: *mut StateSink) -> *mut Op {
    let found = host(raw).state.lock().unwrap().get(&text(key)).cloned();
    end(&text(key), sink, move |sink| {
        let Some(found) = found else { return };
        // SAFETY: the sink outlives the operation.
        let table = unsafe { *(*sink).vtable };
        // SAFETY: the sink is alive; the value lives through the call.
        unsafe { table.value.unwrap()(sink, Bytes::new(&found)) };
    })
}

unsafe extern "C" fn write(
    raw: *const wire::Host,
    key: Str,
    value: Bytes,
    sink: *mut StateSink,
) -> *mut Op {
    // SAFETY: lent for this call.
    let value = unsafe { pointer::bytes(value) }.unwrap().to_vec();
    let host: *const _ = host(raw);
    let written = text(key);
    end(&text(key), sink, move |_| {
        // SAFETY: the test's host outlives its plugins.
        let host = unsafe { &*host };
        host.state.lock().unwrap().insert(written, value);
    })
}

unsafe extern "C" fn remove(raw: *const wire::Host, key: Str, sink: *mut StateSink) -> *mut Op {
    host(raw).state.lock().unwrap().remove(&text(key));
    end(&text(key), sink, |_| ())
}

fn end(key: &str, sink: *mut StateSink, deliver: impl FnOnce(*mut StateSink) + 'static) -> *mut Op {
    let broken = key == "broken";
    two_steps(move || {
        if broken {
            return fail(sink);
        }
        deliver(sink);
        POLL_READY
    })
}

fn fail(sink: *mut StateSink) -> Poll {
    let fault = wire::Fault {
        struct_size: wire_size::<wire::Fault>(),
        kind: FaultKind::CONFIG,
        message: Str::new("the disk is full"),
        retry_after_ms: 0,
    };
    // SAFETY: the sink outlives the operation.
    let table = unsafe { *(*sink).vtable };
    // SAFETY: the sink is alive; the fault lives through the call.
    unsafe { table.fault.unwrap()(sink, &raw const fault) };
    POLL_FAULT
}
