//! The tables that the host offers, asked for by id. All may be used from `create` until `destroy` has returned.

use abi_stable::StableAbi;

use super::{Bytes, Fault, Host, Op, Pair, Poll, Str};

/// Id of [`Log1`].
pub const LOG_1: &str = "log/1";
/// Id of [`Clock1`].
pub const CLOCK_1: &str = "clock/1";
/// Id of [`Http1`].
pub const HTTP_1: &str = "http/1";

/// Something failed and somebody must look.
pub const LEVEL_ERROR: u32 = 1;
/// Something is odd, work goes on.
pub const LEVEL_WARN: u32 = 2;
/// A milestone.
pub const LEVEL_INFO: u32 = 3;
/// A step.
pub const LEVEL_DEBUG: u32 = 4;
/// Everything.
pub const LEVEL_TRACE: u32 = 5;

/// `log/1`: lands in the host's log under the plugin's name, redacted.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Log1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// 1 if anybody reads records of this level, else 0. Ask before building an expensive one.
    pub enabled: Option<unsafe extern "C" fn(host: *const Host, level: u32) -> u32>,
    /// Writes a record. Never blocks for long.
    pub log: Option<unsafe extern "C" fn(host: *const Host, record: *const LogRecord)>,
}

/// One log record.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct LogRecord {
    /// Size of this struct in bytes.
    pub struct_size: u32,
    /// One of `LEVEL_*`.
    pub level: u32,
    /// Where in the plugin; may be empty.
    pub target: Str,
    /// What happened.
    pub message: Str,
    /// Structured fields; null if there are none.
    pub fields: *const Pair,
    /// How many fields.
    pub field_count: usize,
}

/// `clock/1`.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Clock1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Milliseconds since 1970 UTC.
    pub unix_ms: Option<unsafe extern "C" fn(host: *const Host) -> i64>,
    /// Nanoseconds on a clock that never goes back; the clock of `deadline_ns`.
    pub monotonic_ns: Option<unsafe extern "C" fn(host: *const Host) -> u64>,
    /// An operation that is ready after so many nanoseconds. The caller owns it and drops it once; never null.
    pub sleep: Option<unsafe extern "C" fn(host: *const Host, nanoseconds: u64) -> *mut Op>,
}

/// `http/1`: HTTP and HTTPS through the host's client, with its proxy, certificate authorities and connection pool.
/// A plugin reaches only the hosts that its manifest declares and its operator allows; anything else is a `denied` fault.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Http1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Starts a request. Everything in `request` is copied before it returns. The operation is the caller's, to poll and
    /// to drop once; never null. `sink` is called only from inside its `poll`, and must live until it is dropped.
    pub send: Option<
        unsafe extern "C" fn(
            host: *const Host,
            request: *const HttpRequest,
            sink: *mut HttpSink,
        ) -> *mut Op,
    >,
    /// Does the same and returns when it is done ([`POLL_READY`](super::POLL_READY) or
    /// [`POLL_FAULT`](super::POLL_FAULT)). Blocks: only for plugins of the execution class `blocking`, and in `create`.
    pub fetch: Option<
        unsafe extern "C" fn(
            host: *const Host,
            request: *const HttpRequest,
            sink: *mut HttpSink,
        ) -> Poll,
    >,
}

/// A request.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct HttpRequest {
    /// Size of this struct in bytes.
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// `GET`, `POST`, …
    pub method: Str,
    /// Absolute, `http` or `https`.
    pub url: Str,
    /// Headers; null if there are none.
    pub headers: *const Pair,
    /// How many headers.
    pub header_count: usize,
    /// The body; empty for none.
    pub body: Bytes,
    /// For the whole exchange, in milliseconds; 0 = the host's default. The host may cut it down.
    pub timeout_ms: u64,
    /// A longer response body is a `transient` fault; 0 = the host's default.
    pub max_response_bytes: u64,
}

/// The plugin's end of a request: here the host hands over the response.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct HttpSink {
    /// Never null. Plugin-private data follows it.
    pub vtable: *const HttpSinkVtable,
}

/// The functions of an [`HttpSink`]. None may be null. On success: `status` once, `header` for each, `body` for each
/// piece. On failure: `fault` once, whatever came before.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct HttpSinkVtable {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The status code.
    pub status: Option<unsafe extern "C" fn(sink: *mut HttpSink, status: u32)>,
    /// A header, its name in lower case. A value that is not UTF-8 is left out.
    pub header: Option<unsafe extern "C" fn(sink: *mut HttpSink, name: Str, value: Str)>,
    /// A piece of the body.
    pub body: Option<unsafe extern "C" fn(sink: *mut HttpSink, piece: Bytes)>,
    /// The request failed.
    pub fault: Option<unsafe extern "C" fn(sink: *mut HttpSink, fault: *const Fault)>,
}
