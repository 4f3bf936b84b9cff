//! How a call ends: ready, pending with an operation, or a fault.

use core::ffi::c_void;

use abi_stable::StableAbi;

use super::{Str, Token};

/// One of [`POLL_READY`], [`POLL_PENDING`], [`POLL_FAULT`]. Anything else counts as an internal fault.
pub type Poll = u32;

/// Done. What there was to hand over has been handed over by callback.
pub const POLL_READY: Poll = 0;
/// Not done. From a first call: `reply->pending` was called with an operation. From `poll`: the waker will be woken.
pub const POLL_PENDING: Poll = 1;
/// Failed. `reply->fault` (or `sink->fault`) was called with the kind and a message.
pub const POLL_FAULT: Poll = 2;

/// What kind of failure it was. Policy hangs on the kind, never on the text.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub struct FaultKind(pub u32);

impl FaultKind {
    /// The operator must mend something: a key, an id, a permission.
    pub const CONFIG: Self = Self(1);
    /// An upstream is down, slow or throttling; trying later may work.
    pub const TRANSIENT: Self = Self(2);
    /// The upstream understood and refused this workspace.
    pub const DENIED: Self = Self(3);
    /// A defect of the plugin or the host. Unknown kinds count as this one.
    pub const INTERNAL: Self = Self(4);
    /// The plugin panicked. Its instance is not called again; the host makes a new one.
    pub const PANICKED: Self = Self(5);
    /// The deadline passed.
    pub const TIMED_OUT: Self = Self(6);
    /// The operation was dropped before it was done.
    pub const CANCELLED: Self = Self(7);
}

/// A failure. The message goes to the operator's log: lower case, what was expected, what was found, what to do;
/// never a secret.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Fault {
    /// Size of this struct in bytes.
    pub struct_size: u32,
    /// The kind.
    pub kind: FaultKind,
    /// For the operator.
    pub message: Str,
    /// Do not ask again for this many milliseconds (an upstream's `Retry-After`); 0 = the host decides. Since 0.2.
    pub retry_after_ms: u64,
}

/// The host's end of a call into the plugin: here the plugin hands over what the call gives. Valid until the call, or
/// the operation that it started, has ended; used only by the thread that is inside that call or its `poll`.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Reply {
    /// Never null. Host-private data follows it.
    pub vtable: *const ReplyVtable,
}

/// The functions of a [`Reply`]. None is null that the size covers.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct ReplyVtable {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Hands over a fault; then return [`POLL_FAULT`]. The last one counts.
    pub fault: Option<unsafe extern "C" fn(reply: *mut Reply, fault: *const Fault)>,
    /// Hands over a token; then return [`POLL_READY`]. Only in `token`, exactly once: twice is an internal fault.
    pub token: Option<unsafe extern "C" fn(reply: *mut Reply, token: *const Token)>,
    /// Hands over an operation; then return [`POLL_PENDING`]. The host owns it from here on and drops it exactly once.
    pub pending: Option<unsafe extern "C" fn(reply: *mut Reply, op: *mut Op)>,
    /// Asks to be called again after so many milliseconds while the workspace lives. Only in `contribute` and `tend`; the
    /// last one counts. The host waits for at least a second. Who does not ask is not called again until the platform
    /// restarts. Since 0.3.
    pub again: Option<unsafe extern "C" fn(reply: *mut Reply, after_ms: u64)>,
}

/// An operation under way: made by the plugin for the host, or by the host (`clock/1`, `http/1`) for the plugin.
/// The maker puts its own data behind the vtable pointer.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Op {
    /// Never null.
    pub vtable: *const OpVtable,
}

/// The functions of an [`Op`]. Its owner calls them from one thread at a time, which need not be the same each time.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct OpVtable {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Goes on. On [`POLL_PENDING`] the maker keeps a clone of the waker and wakes it when there is more to do.
    /// Not called again after [`POLL_READY`] or [`POLL_FAULT`].
    pub poll: Option<unsafe extern "C" fn(op: *mut Op, waker: *const Waker) -> Poll>,
    /// Frees the operation, and cancels it if it is not done. Called exactly once; never blocks for long.
    pub drop: Option<unsafe extern "C" fn(op: *mut Op)>,
}

/// Wakes whoever polls. Borrowed by `poll`; clone it to keep it. Frozen: it carries no size.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Waker {
    /// Never null.
    pub vtable: *const WakerVtable,
    /// The first argument of each function.
    pub data: *mut c_void,
}

/// The functions of a [`Waker`]. None is null, each may be called from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct WakerVtable {
    /// Size of this table in bytes.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Gives the `data` of a new waker with the same vtable; it must be woken (`wake`) or dropped once.
    pub clone: Option<unsafe extern "C" fn(data: *mut c_void) -> *mut c_void>,
    /// Wakes, and frees `data`.
    pub wake: Option<unsafe extern "C" fn(data: *mut c_void)>,
    /// Wakes, and leaves `data` as it is.
    pub wake_by_ref: Option<unsafe extern "C" fn(data: *mut c_void)>,
    /// Frees `data` without waking.
    pub drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
}
