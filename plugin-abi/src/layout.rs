//! The layout of the contract: as a Rust plugin carries it, as a host compares it, as `abi-layout.golden` records it.
//!
//! Only `describe` and the derives on the wire types know `abi_stable`; what its own loader does (`load_from_*`, which
//! caches one module per type) is never used. The comparison ignores where a type comes from: a plugin built from another
//! copy of this crate, under another name, has the same contract.

mod change;
mod compare;
mod contract;
mod describe;
mod model;

use std::ffi::c_void;

pub use self::{
    change::{Change, Rule, changes},
    compare::{LayoutDifference, LayoutError, compare},
    describe::RustLayout,
    model::{Field, Model, ParseError, Struct},
};
use crate::pointer;

/// The contract as this crate was last accepted with: `cargo xtask abi --accept` writes it, a test compares it.
pub const GOLDEN: &str = include_str!("../abi-layout.golden");

/// Changes whenever the golden layout does: FNV-1a over its text. A plugin whose manifest repeats the host's own needs no
/// deep comparison.
pub const FINGERPRINT: &str = {
    const DIGITS: [u8; 16] = hex(fnv(GOLDEN.as_bytes()));
    match std::str::from_utf8(&DIGITS) {
        Ok(digits) => digits,
        Err(_) => "",
    }
};

/// For `rust_layout` of a plugin's entry.
#[must_use]
pub const fn exported() -> *const c_void {
    std::ptr::from_ref(&describe::EXPORTED).cast()
}

/// The contract of this crate, as compiled.
#[must_use]
pub fn own() -> Model {
    describe::model(contract::root())
}

/// Compares this crate's contract with that of a plugin.
///
/// # Errors
///
/// The first field that differs, or why the plugin's layout cannot be read.
///
/// # Safety
///
/// Null, or `rust_layout` of an entry that lives for ever and whose prefix was found good.
#[expect(
    unsafe_code,
    reason = "follows the pointer that the plugin's entry holds"
)]
pub unsafe fn check(rust_layout: *const c_void) -> Result<(), LayoutError> {
    // SAFETY: as the caller says; it tells its size.
    let layout = unsafe { pointer::sized(rust_layout.cast::<RustLayout>()) }?;
    let plugin = describe::of_plugin(&layout)?;
    compare(&own(), &plugin).map_err(LayoutError::Differs)
}

const fn fnv(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

const fn hex(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    let bytes = number.to_be_bytes();
    let mut at = 0;
    while at < 8 {
        digits[2 * at] = b"0123456789abcdef"[(bytes[at] >> 4) as usize];
        digits[2 * at + 1] = b"0123456789abcdef"[(bytes[at] & 15) as usize];
        at += 1;
    }
    digits
}

#[cfg(test)]
mod tests;
