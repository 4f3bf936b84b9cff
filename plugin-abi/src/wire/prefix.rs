//! The frozen prefix: the first bytes of everything that is versioned on its own.

use abi_stable::StableAbi;

/// Spells `PRVHOOK1` in memory on a little-endian machine.
pub const MAGIC: u64 = 0x314B_4F4F_4856_5250;

/// Both sides must have the same major. A stricter contract is a new major even if no layout changes.
pub const ABI_MAJOR: u16 = 0;

/// Fields are appended from minor to minor. A host runs plugins of older minors, and of newer ones whose manifest
/// says (`min_host_minor`) that they can do without what the host does not have.
pub const ABI_MINOR: u16 = 3;

/// The first 16 bytes of [`Entry`](super::Entry) and [`Host`](super::Host). This layout never changes, in any major.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, StableAbi)]
pub struct Prefix {
    /// [`MAGIC`].
    pub magic: u64,
    /// Size in bytes of the whole struct that this prefix opens, as its maker knew it.
    pub struct_size: u32,
    /// [`ABI_MAJOR`] of the maker.
    pub abi_major: u16,
    /// [`ABI_MINOR`] of the maker.
    pub abi_minor: u16,
}
