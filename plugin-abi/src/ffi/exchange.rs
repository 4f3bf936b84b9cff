//! One HTTP request under way, and the sink that collects its response.
#![expect(
    unsafe_code,
    reason = "the host calls back into the sink while the request is polled"
)]

use std::task::{Context, Poll};

use zeroize::Zeroizing;

use super::{Host, operation::Operation};
use crate::{
    pointer,
    sdk::{Fault, Parts, Response},
    wire::{self, Bytes, Http1, HttpRequest, HttpSink, HttpSinkVtable, Pair, Str, wire_size},
};

/// A request under way. Dropping it cancels it.
pub(crate) struct Exchange {
    // The order matters: the operation must be gone before its sink is.
    operation: Operation,
    sink: OwnedSink,
}

impl Exchange {
    /// # Errors
    ///
    /// When the host has no such function, or is gone.
    pub(crate) fn start(host: &Host, http: &Http1, parts: &Parts) -> Result<Self, Fault> {
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
        let sink = OwnedSink::new();
        let op = {
            let _open = host.enter()?;
            // SAFETY: the host copies the request before it returns; the sink lives longer than the operation.
            unsafe { send(host.raw(), &raw const request, sink.0.cast()) }
        };
        // SAFETY: the host has just made it.
        let operation = unsafe { Operation::new(host.clone(), op) }?;
        Ok(Self { operation, sink })
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Response, Fault>> {
        let ended = std::task::ready!(self.operation.poll(context));
        let (response, fault) = self.sink.take();
        Poll::Ready(match (ended, fault) {
            (Ok(()), None) => Ok(response),
            (_, Some(fault)) => Err(fault),
            (Err(fault), None) => Err(fault),
        })
    }
}

/// INVARIANT: the pointer came from a box, and nobody else frees it.
struct OwnedSink(*mut Sink);

// SAFETY: the host uses it only while it is inside `poll`, which the owner calls from one thread at a time.
unsafe impl Send for OwnedSink {}

impl OwnedSink {
    fn new() -> Self {
        let sink = Sink {
            wire: HttpSink { vtable: &VTABLE },
            response: Response::default(),
            fault: None,
        };
        Self(Box::into_raw(Box::new(sink)))
    }

    fn take(&mut self) -> (Response, Option<Fault>) {
        // SAFETY: alive, and the host is not inside `poll`, because the owner is here.
        let sink = unsafe { &mut *self.0 };
        (std::mem::take(&mut sink.response), sink.fault.take())
    }
}

impl Drop for OwnedSink {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and the operation that knew it is gone.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

#[repr(C)]
struct Sink {
    /// INVARIANT: first, so that a pointer to the sink is one to the wire's.
    wire: HttpSink,
    response: Response,
    fault: Option<Fault>,
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
/// What [`OwnedSink::new`] made, while its owner is inside `poll`.
unsafe fn sink<'a>(raw: *mut HttpSink) -> &'a mut Sink {
    // SAFETY: the host gives back the pointer that it was given, and nobody else uses the sink meanwhile.
    unsafe { &mut *raw.cast::<Sink>() }
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
