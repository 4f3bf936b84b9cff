//! Sizes as the wire tells them.

/// `size_of::<T>()` as a `struct_size`.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "checked one line above")]
pub const fn wire_size<T>() -> u32 {
    assert!(
        size_of::<T>() <= u32::MAX as usize,
        "no wire struct is that large"
    );
    size_of::<T>() as u32
}
