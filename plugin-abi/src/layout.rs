//! The layout of the contract, as a Rust plugin carries it and a host compares it.
//!
//! Only this module and the derives on the wire types know `abi_stable`.

use std::ffi::c_void;

use abi_stable::{StableAbi, type_layout::TypeLayout};

/// Changes whenever the golden layout does: FNV-1a over its text. A plugin whose manifest repeats the host's own needs no
/// deep comparison.
pub const FINGERPRINT: &str = "0000000000000000";

/// For `rust_layout` of a plugin's entry.
#[must_use]
pub const fn exported() -> *const c_void {
    let layout: &'static TypeLayout = <crate::wire::Entry as StableAbi>::LAYOUT;
    std::ptr::from_ref(layout).cast()
}
