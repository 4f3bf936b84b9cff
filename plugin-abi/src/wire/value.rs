//! Borrowed strings and bytes. Frozen for ever: they carry no size.

use abi_stable::StableAbi;

/// A borrowed UTF-8 string, not NUL-terminated. `len == 0` is the empty string, even with a null `ptr`.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Str {
    /// The first byte; may be null only if `len` is 0.
    pub ptr: *const u8,
    /// Length in bytes.
    pub len: usize,
}

/// Borrowed bytes of any content. `len == 0` is empty, even with a null `ptr`.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Bytes {
    /// The first byte; may be null only if `len` is 0.
    pub ptr: *const u8,
    /// Length in bytes.
    pub len: usize,
}

/// A borrowed key and value: a label, a permission, a header, a log field.
#[repr(C)]
#[derive(Clone, Copy, Debug, StableAbi)]
pub struct Pair {
    /// The key.
    pub key: Str,
    /// The value.
    pub value: Str,
}
