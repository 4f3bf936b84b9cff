//! The host that the tests play: its table and services, with what was logged and asked.

use std::{
    ffi::c_void,
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use provisionhook_plugin_abi::{
    pointer,
    wire::{
        self, ABI_MAJOR, ABI_MINOR, Bytes, CLOCK_1, Clock1, FaultKind, HTTP_1, Http1, HttpRequest,
        HttpSink, LEVEL_INFO, LOG_1, Log1, LogRecord, MAGIC, Op, OpVtable, POLL_FAULT,
        POLL_PENDING, POLL_READY, Poll, Prefix, Str, Waker, wire_size,
    },
};

/// A log record: level, target, message, fields.
pub(crate) type Record = (u32, String, String, Vec<(String, String)>);

/// A host, with what was logged and asked.
#[repr(C)]
pub(crate) struct TestHost {
    pub(crate) table: wire::Host,
    pub(crate) logged: Mutex<Vec<Record>>,
    pub(crate) requests: Mutex<Vec<String>>,
}

impl TestHost {
    pub(crate) fn new() -> Box<Self> {
        let prefix = Prefix {
            magic: MAGIC,
            struct_size: wire_size::<wire::Host>(),
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
        };
        let table = wire::Host {
            prefix,
            extension: Some(service),
        };
        Box::new(Self {
            table,
            logged: Mutex::default(),
            requests: Mutex::default(),
        })
    }
}

pub(crate) fn text(text: Str) -> String {
    // SAFETY: lent for the callback that this runs in.
    unsafe { pointer::text(text) }.unwrap().to_owned()
}

fn host<'a>(raw: *const wire::Host) -> &'a TestHost {
    // SAFETY: the table is the first field of the test's host, which outlives its plugins.
    unsafe { &*raw.cast::<TestHost>() }
}

unsafe extern "C" fn service(_: *const wire::Host, id: Str) -> *const c_void {
    static LOG: Log1 = Log1 {
        struct_size: wire_size::<Log1>(),
        reserved: 0,
        enabled: Some(enabled),
        log: Some(log),
    };
    static CLOCK: Clock1 = Clock1 {
        struct_size: wire_size::<Clock1>(),
        reserved: 0,
        unix_ms: Some(unix_ms),
        monotonic_ns: Some(monotonic_ns),
        sleep: Some(sleep),
    };
    static HTTP: Http1 = Http1 {
        struct_size: wire_size::<Http1>(),
        reserved: 0,
        send: Some(send),
        fetch: None,
    };
    match text(id).as_str() {
        LOG_1 => (&raw const LOG).cast(),
        CLOCK_1 => (&raw const CLOCK).cast(),
        HTTP_1 => (&raw const HTTP).cast(),
        _ => ptr::null(),
    }
}

unsafe extern "C" fn enabled(_: *const wire::Host, level: u32) -> u32 {
    u32::from(level <= LEVEL_INFO)
}

unsafe extern "C" fn log(raw: *const wire::Host, record: *const LogRecord) {
    // SAFETY: lent for this call.
    let record = unsafe { pointer::sized(record) }.unwrap();
    // SAFETY: lent for this call.
    let fields = unsafe { pointer::slice(record.fields, record.field_count) }.unwrap();
    let fields = fields
        .iter()
        .map(|pair| (text(pair.key), text(pair.value)))
        .collect();
    host(raw).logged.lock().unwrap().push((
        record.level,
        text(record.target),
        text(record.message),
        fields,
    ));
}

unsafe extern "C" fn unix_ms(_: *const wire::Host) -> i64 {
    1_700_000_000_123
}

unsafe extern "C" fn monotonic_ns(_: *const wire::Host) -> u64 {
    5_000_000_000
}

/// An operation that is pending once, wakes at once, and then ends.
#[repr(C)]
struct TwoSteps {
    op: Op,
    polled: bool,
    sink: *mut HttpSink,
    fails: bool,
}

static TWO_STEPS: OpVtable = OpVtable {
    struct_size: wire_size::<OpVtable>(),
    reserved: 0,
    poll: Some(two_steps_poll),
    drop: Some(two_steps_drop),
};

/// How many of the host's operations are alive.
pub(crate) static LIVE_OPERATIONS: AtomicUsize = AtomicUsize::new(0);

fn two_steps(sink: *mut HttpSink, fails: bool) -> *mut Op {
    LIVE_OPERATIONS.fetch_add(1, Ordering::SeqCst);
    Box::into_raw(Box::new(TwoSteps {
        op: Op { vtable: &TWO_STEPS },
        polled: false,
        sink,
        fails,
    }))
    .cast()
}

unsafe extern "C" fn sleep(_: *const wire::Host, _: u64) -> *mut Op {
    two_steps(ptr::null_mut(), false)
}

unsafe extern "C" fn send(
    raw: *const wire::Host,
    request: *const HttpRequest,
    sink: *mut HttpSink,
) -> *mut Op {
    // SAFETY: lent for this call.
    let request = unsafe { pointer::sized(request) }.unwrap();
    // SAFETY: lent for this call.
    let headers = unsafe { pointer::slice(request.headers, request.header_count) }.unwrap();
    // SAFETY: lent for this call.
    let body = unsafe { pointer::bytes(request.body) }.unwrap();
    let mut line = format!("{} {}", text(request.method), text(request.url));
    for header in headers {
        line += &format!(" [{}: {}]", text(header.key), text(header.value));
    }
    line += &format!(
        " {} {}ms",
        String::from_utf8_lossy(body),
        request.timeout_ms
    );
    let fails = line.contains("/refused");
    host(raw).requests.lock().unwrap().push(line);
    two_steps(sink, fails)
}

unsafe extern "C" fn two_steps_poll(op: *mut Op, waker: *const Waker) -> Poll {
    // SAFETY: made by `two_steps`, not dropped yet.
    let step = unsafe { &mut *op.cast::<TwoSteps>() };
    if !step.polled {
        step.polled = true;
        // SAFETY: lent for this call.
        let waker = unsafe { *waker };
        // SAFETY: a waker's table lives as long as the waker.
        let table = unsafe { *waker.vtable };
        // SAFETY: each function is given the data that belongs to it, and each clone ends once.
        let (kept, discarded) = unsafe {
            (
                table.clone.unwrap()(waker.data),
                table.clone.unwrap()(waker.data),
            )
        };
        // SAFETY: as above.
        unsafe { table.drop.unwrap()(discarded) };
        // SAFETY: as above.
        unsafe { table.wake.unwrap()(kept) };
        return POLL_PENDING;
    }
    if step.sink.is_null() {
        return POLL_READY;
    }
    // SAFETY: the sink outlives the operation.
    let table = unsafe { *(*step.sink).vtable };
    if step.fails {
        let fault = wire::Fault {
            struct_size: wire_size::<wire::Fault>(),
            kind: FaultKind::DENIED,
            message: Str::new("host not granted"),
            retry_after_ms: 1500,
        };
        // SAFETY: the fault lives through the call.
        unsafe { table.fault.unwrap()(step.sink, &raw const fault) };
        return POLL_FAULT;
    }
    // SAFETY: the sink is alive, and the strings are statics.
    unsafe { table.status.unwrap()(step.sink, 201) };
    // SAFETY: as above.
    unsafe {
        table.header.unwrap()(
            step.sink,
            Str::new("content-type"),
            Str::new("application/json"),
        )
    };
    for piece in ["{\"token\":", "\"ghs_1\"}"] {
        // SAFETY: as above.
        unsafe { table.body.unwrap()(step.sink, Bytes::new(piece.as_bytes())) };
    }
    POLL_READY
}

unsafe extern "C" fn two_steps_drop(op: *mut Op) {
    // SAFETY: made by `two_steps`, dropped once.
    drop(unsafe { Box::from_raw(op.cast::<TwoSteps>()) });
    LIVE_OPERATIONS.fetch_sub(1, Ordering::SeqCst);
}
