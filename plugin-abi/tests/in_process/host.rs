//! The host that the tests play: its table and services, with what was logged and asked.

use std::{collections::BTreeMap, ffi::c_void, ptr, sync::Mutex};

use provisionhook_plugin_abi::{
    pointer,
    wire::{
        self, ABI_MAJOR, ABI_MINOR, Bytes, CLOCK_1, Clock1, FaultKind, HTTP_1, Http1, HttpRequest,
        HttpSink, LEVEL_INFO, LOG_1, Log1, LogRecord, MAGIC, Op, POLL_FAULT, POLL_READY, Poll,
        Prefix, STATE_1, Str, wire_size,
    },
};

use super::{state, two_steps::two_steps};

/// A log record: level, target, message, fields.
pub(crate) type Record = (u32, String, String, Vec<(String, String)>);

/// A host, with what was logged and asked.
#[repr(C)]
pub(crate) struct TestHost {
    pub(crate) table: wire::Host,
    pub(crate) logged: Mutex<Vec<Record>>,
    pub(crate) requests: Mutex<Vec<String>>,
    pub(crate) state: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl TestHost {
    pub(crate) fn new() -> Box<Self> {
        Self::of_minor(ABI_MINOR)
    }

    /// A host that has only what there was then.
    pub(crate) fn of_minor(abi_minor: u16) -> Box<Self> {
        let prefix = Prefix {
            magic: MAGIC,
            struct_size: wire_size::<wire::Host>(),
            abi_major: ABI_MAJOR,
            abi_minor,
        };
        let table = wire::Host {
            prefix,
            extension: Some(service),
        };
        Box::new(Self {
            table,
            logged: Mutex::default(),
            requests: Mutex::default(),
            state: Mutex::default(),
        })
    }
}

pub(crate) fn text(text: Str) -> String {
    // SAFETY: lent for the callback that this runs in.
    unsafe { pointer::text(text) }.unwrap().to_owned()
}

pub(crate) fn host<'a>(raw: *const wire::Host) -> &'a TestHost {
    // SAFETY: the table is the first field of the test's host, which outlives its plugins.
    unsafe { &*raw.cast::<TestHost>() }
}

unsafe extern "C" fn service(raw: *const wire::Host, id: Str) -> *const c_void {
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
        STATE_1 if host(raw).table.prefix.abi_minor > 2 => (&raw const state::TABLE).cast(),
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

unsafe extern "C" fn sleep(_: *const wire::Host, _: u64) -> *mut Op {
    two_steps(|| POLL_READY)
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
    let refused = line.contains("/refused");
    host(raw).requests.lock().unwrap().push(line);
    two_steps(move || respond(sink, refused))
}

fn respond(sink: *mut HttpSink, refused: bool) -> Poll {
    // SAFETY: the sink outlives the operation.
    let table = unsafe { *(*sink).vtable };
    if refused {
        let fault = wire::Fault {
            struct_size: wire_size::<wire::Fault>(),
            kind: FaultKind::DENIED,
            message: Str::new("host not granted"),
            retry_after_ms: 1500,
        };
        // SAFETY: the fault lives through the call.
        unsafe { table.fault.unwrap()(sink, &raw const fault) };
        return POLL_FAULT;
    }
    // SAFETY: the sink is alive, and the strings are statics.
    unsafe { table.status.unwrap()(sink, 201) };
    // SAFETY: as above.
    unsafe { table.header.unwrap()(sink, Str::new("content-type"), Str::new("application/json")) };
    for piece in ["{\"token\":", "\"ghs_1\"}"] {
        // SAFETY: as above.
        unsafe { table.body.unwrap()(sink, Bytes::new(piece.as_bytes())) };
    }
    POLL_READY
}
