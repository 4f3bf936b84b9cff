//! What a plugin keeps from one run of the platform to the next.

use abi_stable::StableAbi;

use super::{Bytes, Fault, Host, Op, Str};

/// Id of [`State1`]. Since 0.3.
pub const STATE_1: &str = "state/1";

/// `state/1`: values that outlive the platform. Each plugin sees its own alone. They may be secrets: nobody but the
/// platform's user can read where they are kept. Since 0.3.
///
/// A key is 1 to 128 lower-case letters, digits, `.`, `_` and `-`, the first of them a letter or a digit. A value has at
/// most 1 MiB. Each function copies what it was given before it returns. The operation is the caller's, to poll and to
/// drop once; never null. `sink` is called only from inside its `poll`, and must live until it is dropped. What was begun
/// may still happen after the operation was dropped.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct State1 {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Hands the value to `sink->value`; ready without that if there is none.
    pub read:
        Option<unsafe extern "C" fn(host: *const Host, key: Str, sink: *mut StateSink) -> *mut Op>,
    /// Ready once the new value has reached the disk. Until then, and after a crash, there is the old one.
    pub write: Option<
        unsafe extern "C" fn(
            host: *const Host,
            key: Str,
            value: Bytes,
            sink: *mut StateSink,
        ) -> *mut Op,
    >,
    /// Ready once the value is gone for good. One that is not there is no fault.
    pub remove:
        Option<unsafe extern "C" fn(host: *const Host, key: Str, sink: *mut StateSink) -> *mut Op>,
}

/// The plugin's end of an operation on its state: here the host hands over what it gives.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct StateSink {
    /// Never null. Plugin-private data follows it.
    pub vtable: *const StateSinkVtable,
}

/// The functions of a [`StateSink`]. None may be null.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct StateSinkVtable {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The value, once; borrowed for the call.
    pub value: Option<unsafe extern "C" fn(sink: *mut StateSink, value: Bytes)>,
    /// The operation failed; then its `poll` gives [`POLL_FAULT`](super::POLL_FAULT).
    pub fault: Option<unsafe extern "C" fn(sink: *mut StateSink, fault: *const Fault)>,
}
