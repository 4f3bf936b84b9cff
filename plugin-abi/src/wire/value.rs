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

impl Str {
    /// The empty string.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
    };

    /// Borrows `text`. Who passes it on keeps `text` alive as long as the contract says.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        Self {
            ptr: text.as_ptr(),
            len: text.len(),
        }
    }
}

impl Bytes {
    /// No bytes.
    pub const EMPTY: Self = Self {
        ptr: core::ptr::null(),
        len: 0,
    };

    /// Borrows `bytes`. Who passes it on keeps `bytes` alive as long as the contract says.
    #[must_use]
    pub const fn new(bytes: &[u8]) -> Self {
        Self {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }
}

impl Pair {
    /// Borrows a key and a value. Who passes it on keeps both alive as long as the contract says.
    #[must_use]
    pub const fn new(key: &str, value: &str) -> Self {
        Self {
            key: Str::new(key),
            value: Str::new(value),
        }
    }
}
