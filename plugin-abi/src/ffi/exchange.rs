//! One HTTP request under way, and the sink that collects its response.
#![expect(
    unsafe_code,
    reason = "the host calls back into the sink while the request is polled"
)]

use zeroize::Zeroizing;

use super::{
    Host,
    sink::{Asked, Sink},
};
use crate::{
    pointer,
    sdk::{Fault, Parts, Response},
    wire::{self, Bytes, Http1, HttpRequest, HttpSink, HttpSinkVtable, Pair, Str, wire_size},
};

/// A request under way.
pub(crate) type Exchange = Asked<HttpAnswer>;

/// Starts a request.
///
/// # Errors
///
/// When the host has no such function, or is gone.
pub(super) fn start(host: &Host, http: &Http1, parts: &Parts) -> Result<Exchange, Fault> {
    let Some(send) = http.send else {
        return Err(Fault::internal("the host's http/1 has no function `send`"));
    };
    let headers: Vec<Pair> = parts
        .headers
        .iter()
        .map(|(name, value)| Pair::new(name, value))
        .collect();
    let request = HttpRequest {
        struct_size: wire_size::<HttpRequest>(),
        flags: 0,
        method: Str::new(&parts.method),
        url: Str::new(&parts.url),
        headers: headers.as_ptr(),
        header_count: headers.len(),
        body: Bytes::new(&parts.body),
        timeout_ms: parts.timeout.map_or(0, |limit| {
            u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(1)
        }),
        max_response_bytes: parts.max_response_bytes.unwrap_or(0),
    };
    let sink = HttpAnswer {
        wire: HttpSink { vtable: &VTABLE },
        response: Response::default(),
        fault: None,
    };
    Asked::start(host, sink, |sink| {
        // SAFETY: the host copies the request before it returns; the sink lives longer than the operation.
        unsafe { send(host.raw(), &raw const request, sink.cast()) }
    })
}

/// The sink of a request.
#[repr(C)]
pub(crate) struct HttpAnswer {
    /// INVARIANT: first, so that a pointer to the sink is one to the wire's.
    wire: HttpSink,
    response: Response,
    fault: Option<Fault>,
}

impl Sink for HttpAnswer {
    type Answer = Response;

    fn take(&mut self) -> Result<Response, Fault> {
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(std::mem::take(&mut self.response)),
        }
    }
}

static VTABLE: HttpSinkVtable = HttpSinkVtable {
    struct_size: wire_size::<HttpSinkVtable>(),
    reserved: 0,
    status: Some(status),
    header: Some(header),
    body: Some(body),
    fault: Some(fault),
};

/// # Safety
///
/// The sink that [`start`] gave to the host, while its owner is inside `poll`.
unsafe fn sink<'a>(raw: *mut HttpSink) -> &'a mut HttpAnswer {
    // SAFETY: the host gives back the pointer that it was given, and nobody else uses the sink meanwhile.
    unsafe { &mut *raw.cast::<HttpAnswer>() }
}

/// # Safety
///
/// Called by the host as [`HttpSinkVtable`] says.
unsafe extern "C" fn status(raw: *mut HttpSink, status: u32) {
    // SAFETY: called by the host, as the contract says.
    let sink = unsafe { sink(raw) };
    match u16::try_from(status) {
        Ok(status) => sink.response.status = status,
        Err(_) => {
            sink.fault = Some(Fault::internal(format!(
                "expected an HTTP status from the host, found {status}"
            )))
        }
    }
}

/// # Safety
///
/// Called by the host as [`HttpSinkVtable`] says.
unsafe extern "C" fn header(raw: *mut HttpSink, name: Str, value: Str) {
    // SAFETY: called by the host, as the contract says.
    let sink = unsafe { sink(raw) };
    // SAFETY: lent for this call.
    let name = unsafe { pointer::text(name) };
    // SAFETY: lent for this call.
    let value = unsafe { pointer::text(value) };
    if let (Ok(name), Ok(value)) = (name, value) {
        sink.response
            .headers
            .push((name.to_owned(), value.to_owned()));
    }
}

/// # Safety
///
/// Called by the host as [`HttpSinkVtable`] says.
unsafe extern "C" fn body(raw: *mut HttpSink, piece: Bytes) {
    // SAFETY: called by the host, as the contract says.
    let sink = unsafe { sink(raw) };
    // SAFETY: lent for this call.
    match unsafe { pointer::bytes(piece) } {
        Ok(piece) => append(&mut sink.response.body, piece),
        Err(error) => {
            sink.fault = Some(Fault::internal(format!(
                "the host's piece of a response body: {error}"
            )))
        }
    }
}

/// # Safety
///
/// Called by the host as [`HttpSinkVtable`] says.
unsafe extern "C" fn fault(raw: *mut HttpSink, fault: *const wire::Fault) {
    // SAFETY: called by the host, as the contract says.
    let sink = unsafe { sink(raw) };
    // SAFETY: lent for this call.
    sink.fault = Some(unsafe { super::host::read_fault(fault) });
}

/// Grows by hand: what `Vec` leaves behind when it moves would not be wiped.
fn append(body: &mut Zeroizing<Vec<u8>>, piece: &[u8]) {
    if body.capacity() - body.len() < piece.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity(
            (body.len() + piece.len()).max(body.capacity() * 2),
        ));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(piece);
}
