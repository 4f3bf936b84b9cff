//! `http/1`: requests of a plugin through the host's client, to the hosts that it was granted.

#![expect(
    unsafe_code,
    reason = "the plugin calls these functions with pointers, and is called back"
)]

use std::time::Duration;

use provisionhook_plugin_abi::wire;
use tokio::runtime::Handle;

use super::{
    fault,
    guard::guard,
    host_op,
    host_table::HostTable,
    pointer::{self, BadPointer},
    sink::{self, BadSink},
};
use crate::{
    fault::{Fault, FaultKind},
    services::http::{HttpRequest, HttpResponse},
};

pub(super) static TABLE: wire::Http1 = wire::Http1 {
    struct_size: pointer::size_u32::<wire::Http1>(),
    reserved: 0,
    send: Some(send),
    fetch: Some(fetch),
};

/// The plugin's end of a request, with its functions checked.
#[derive(Clone, Copy)]
struct Sink {
    sink: *mut wire::HttpSink,
    status: unsafe extern "C" fn(*mut wire::HttpSink, u32),
    header: unsafe extern "C" fn(*mut wire::HttpSink, wire::Str, wire::Str),
    body: unsafe extern "C" fn(*mut wire::HttpSink, wire::Bytes),
    fault: unsafe extern "C" fn(*mut wire::HttpSink, *const wire::Fault),
}

// SAFETY: the sink is called only from inside a call or poll of the plugin, which may come from any thread, one at a time.
unsafe impl Send for Sink {}

impl Sink {
    /// # Safety
    /// If `sink` is not null it is the plugin's, and lives until the request is done or dropped.
    unsafe fn new(sink: *mut wire::HttpSink) -> Result<Self, BadSink> {
        // SAFETY: the caller's promise; a sink opens with the pointer to its table.
        let table = unsafe { sink::table::<wire::HttpSinkVtable>(sink.cast()) }?;
        Ok(Self {
            sink,
            status: sink::filled("status", table.status)?,
            header: sink::filled("header", table.header)?,
            body: sink::filled("body", table.body)?,
            fault: sink::filled("fault", table.fault)?,
        })
    }

    /// Hands over the end of the request, and gives what the operation then answers.
    fn deliver(self, result: Result<HttpResponse, Fault>) -> wire::Poll {
        match result {
            Ok(response) => {
                // SAFETY: a function of the plugin's sink, from inside its call.
                unsafe { (self.status)(self.sink, u32::from(response.status)) };
                for (name, value) in &response.headers {
                    // SAFETY: a function of the plugin's sink, from inside its call; the strings outlive it.
                    unsafe { (self.header)(self.sink, pointer::lend(name), pointer::lend(value)) };
                }
                if !response.body.is_empty() {
                    // SAFETY: a function of the plugin's sink, from inside its call; the bytes outlive it.
                    unsafe { (self.body)(self.sink, pointer::lend_bytes(&response.body)) };
                }
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

unsafe extern "C" fn send(
    host: *const wire::Host,
    request: *const wire::HttpRequest,
    sink: *mut wire::HttpSink,
) -> *mut wire::Op {
    // SAFETY: the plugin's sink, which lives until the operation is dropped.
    let sink = unsafe { Sink::new(sink) };
    let begin = |host: &'static HostTable, sink: Sink| {
        // SAFETY: borrowed for the length of this call.
        let request = unsafe { read_request(request) };
        // The response is handed over by the last step of the future, so inside the plugin's poll.
        host_op::start(host, async move {
            let result = match request {
                Ok(request) => host.http.send(&host.grants, request).await,
                Err(fault) => Err(fault),
            };
            sink.deliver(result)
        })
    };
    // SAFETY: the host that the plugin was given.
    unsafe { sink::operation(host, wire::HTTP_1, sink, begin) }
}

unsafe extern "C" fn fetch(
    host: *const wire::Host,
    request: *const wire::HttpRequest,
    sink: *mut wire::HttpSink,
) -> wire::Poll {
    guard(wire::POLL_FAULT, || {
        // SAFETY: the host that the plugin was given.
        let Some(host) = (unsafe { HostTable::from_wire(host) }) else {
            return wire::POLL_FAULT;
        };
        // SAFETY: the plugin's sink, which lives through the call.
        let sink = match unsafe { Sink::new(sink) } {
            Ok(sink) => sink,
            Err(bad) => {
                bad.log(host, wire::HTTP_1);
                return wire::POLL_FAULT;
            }
        };
        // SAFETY: borrowed for the length of this call.
        let request = unsafe { read_request(request) };
        let result = request.and_then(|request| {
            if Handle::try_current().is_ok() {
                return Err(Fault::new(
                    FaultKind::Internal,
                    "http/1 fetch blocks, and was called from a thread that must not block; use send, or declare the \
                     execution class blocking in the manifest",
                ));
            }
            host.runtime.block_on(host.http.send(&host.grants, request))
        });
        sink.deliver(result)
    })
}

/// Copies the request.
///
/// # Safety
/// `request` and what it points to are the plugin's for the length of this call.
unsafe fn read_request(request: *const wire::HttpRequest) -> Result<HttpRequest, Fault> {
    // SAFETY: the caller's promise.
    unsafe { try_read(request) }.map_err(|(part, bad)| {
        Fault::new(
            FaultKind::Internal,
            format!("the plugin made a request whose {part} {bad}; report it to its author"),
        )
    })
}

/// # Safety
/// As for [`read_request`].
unsafe fn try_read(
    request: *const wire::HttpRequest,
) -> Result<HttpRequest, (&'static str, BadPointer)> {
    // SAFETY: the caller's promise.
    let request = unsafe { pointer::sized(request) }.map_err(|bad| ("struct", bad))?;
    // SAFETY: the caller's promise.
    let method = unsafe { pointer::text(request.method) }.map_err(|bad| ("method", bad))?;
    // SAFETY: the caller's promise.
    let url = unsafe { pointer::text(request.url) }.map_err(|bad| ("URL", bad))?;
    // SAFETY: the caller's promise.
    let body = unsafe { pointer::bytes(request.body) }.map_err(|bad| ("body", bad))?;
    // SAFETY: the caller's promise.
    let pairs = unsafe { pointer::items(request.headers, request.header_count) }
        .map_err(|bad| ("header list", bad))?;
    let mut headers = Vec::with_capacity(pairs.len());
    for pair in pairs {
        // SAFETY: the caller's promise.
        let name = unsafe { pointer::text(pair.key) }.map_err(|bad| ("header name", bad))?;
        // SAFETY: the caller's promise.
        let value = unsafe { pointer::text(pair.value) }.map_err(|bad| ("header value", bad))?;
        headers.push((name.to_owned(), value.to_owned()));
    }
    Ok(HttpRequest {
        method: method.to_owned(),
        url: url.to_owned(),
        headers,
        body: body.to_vec(),
        timeout: (request.timeout_ms > 0).then(|| Duration::from_millis(request.timeout_ms)),
        max_response_bytes: (request.max_response_bytes > 0).then_some(request.max_response_bytes),
        no_redirects: false,
    })
}
