//! Reading what a plugin passes by pointer: strings, slices and structs that open with their size.
//!
//! Every check that can be made without touching the memory is made first: null, length, alignment. That the memory is
//! really there is the plugin's word; the host protects itself against broken plugins, not hostile ones.

#![expect(
    unsafe_code,
    reason = "the one place that turns a plugin's pointers into references"
)]

use std::{mem, mem::MaybeUninit, ptr, slice, str};

use provisionhook_plugin_abi::wire;

/// What is wrong with something that a plugin passed by pointer. Reads as the end of "the value …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPointer {
    #[error("is null")]
    Null,
    #[error("is null but has a length of {0}")]
    NullWithLength(usize),
    #[error("has a length of {0}, more than any memory holds")]
    TooLong(usize),
    #[error("is not aligned for its type")]
    Misaligned,
    #[error("is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    #[error("has a struct_size of {found}, expected at least {required}")]
    TooSmall { found: u32, required: usize },
}

/// A struct of the wire contract that opens with its own size.
///
/// # Safety
/// The type is `repr(C)`, its first field is `struct_size: u32`, and all zeros is a valid value of each field.
pub(super) unsafe trait SizeFirst: Copy {
    /// Bytes that every maker must cover: up to the end of the fields that the type had in its first minor.
    const REQUIRED: usize;
}

// SAFETY: repr(C), `struct_size` first; then integers, pointers and lengths.
unsafe impl SizeFirst for wire::Fault {
    const REQUIRED: usize = mem::offset_of!(wire::Fault, retry_after_ms);
}

macro_rules! whole {
    ($($wire:ty),+ $(,)?) => {$(
        // SAFETY: repr(C), `struct_size` first; then integers, pointers, lengths, and optional functions, for which zero is
        // `None`.
        unsafe impl SizeFirst for $wire {
            const REQUIRED: usize = size_of::<Self>();
        }
    )+};
}

whole!(
    wire::EnvMutator1,
    wire::File,
    wire::FileContributor1,
    wire::HttpRequest,
    wire::HttpSinkVtable,
    wire::LogRecord,
    wire::OpVtable,
    wire::StateSinkVtable,
    wire::Token,
    wire::TokenProvider1,
    wire::WakerVtable,
    wire::WorkspaceLifecycle1,
);

/// Copies a struct as far as its maker filled it; the tail that it did not know is zero.
///
/// # Safety
/// If `from` is not null it points to as many readable bytes as its first four say, and to at least four.
#[inline]
pub(super) unsafe fn sized<T: SizeFirst>(from: *const T) -> Result<T, BadPointer> {
    check_place(from)?;
    // SAFETY: not null, aligned for T and so for its first field, a u32; the caller vouches for four bytes.
    let found = unsafe { from.cast::<u32>().read() };
    let len = usize::try_from(found).unwrap_or(usize::MAX);
    if len < T::REQUIRED {
        return Err(BadPointer::TooSmall {
            found,
            required: T::REQUIRED,
        });
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: the source has `len` readable bytes by its own word, the copy has room for a T, and they are apart.
    unsafe {
        ptr::copy_nonoverlapping(
            from.cast::<u8>(),
            copy.as_mut_ptr().cast::<u8>(),
            len.min(size_of::<T>()),
        )
    };
    // SAFETY: each field was copied or is zero, and zero is valid for all of them (`SizeFirst`).
    Ok(unsafe { copy.assume_init() })
}

/// A borrowed string of the plugin.
///
/// # Safety
/// If `text.ptr` is not null, `text.len` bytes at it are readable and unchanged for `'a`.
#[inline]
pub(super) unsafe fn text<'a>(text: wire::Str) -> Result<&'a str, BadPointer> {
    // SAFETY: the caller's promise is the same.
    let bytes = unsafe {
        bytes(wire::Bytes {
            ptr: text.ptr,
            len: text.len,
        })
    }?;
    str::from_utf8(bytes).map_err(|error| BadPointer::NotUtf8(error.valid_up_to()))
}

/// Borrowed bytes of the plugin.
///
/// # Safety
/// If `bytes.ptr` is not null, `bytes.len` bytes at it are readable and unchanged for `'a`.
#[inline]
pub(super) unsafe fn bytes<'a>(bytes: wire::Bytes) -> Result<&'a [u8], BadPointer> {
    // SAFETY: the caller's promise is the same.
    unsafe { items(bytes.ptr, bytes.len) }
}

/// A borrowed array of the plugin.
///
/// # Safety
/// If `ptr` is not null, `count` values of T at it are readable, valid and unchanged for `'a`.
#[inline]
pub(super) unsafe fn items<'a, T: Copy>(
    ptr: *const T,
    count: usize,
) -> Result<&'a [T], BadPointer> {
    if count == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(BadPointer::NullWithLength(count));
    }
    if count > isize::MAX.unsigned_abs() / size_of::<T>() {
        return Err(BadPointer::TooLong(count));
    }
    check_place(ptr)?;
    // SAFETY: not null, aligned, not longer than memory; the caller vouches for what is there and for `'a`.
    Ok(unsafe { slice::from_raw_parts(ptr, count) })
}

/// Lends a string to the plugin.
pub(super) fn lend(text: &str) -> wire::Str {
    wire::Str {
        ptr: text.as_ptr(),
        len: text.len(),
    }
}

/// Lends bytes to the plugin.
pub(super) fn lend_bytes(bytes: &[u8]) -> wire::Bytes {
    wire::Bytes {
        ptr: bytes.as_ptr(),
        len: bytes.len(),
    }
}

/// Null for an empty list, as the contract has it.
pub(super) fn start_of<T>(items: &[T]) -> *const T {
    if items.is_empty() {
        ptr::null()
    } else {
        items.as_ptr()
    }
}

/// The size of a struct as the wire contract writes it.
pub(super) const fn size_u32<T>() -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the structs of the contract have tens of bytes"
    )]
    let size = size_of::<T>() as u32;
    size
}

/// Whether anything may be read there at all.
pub(super) fn check_place<T>(ptr: *const T) -> Result<(), BadPointer> {
    if ptr.is_null() {
        Err(BadPointer::Null)
    } else if ptr.is_aligned() {
        Ok(())
    } else {
        Err(BadPointer::Misaligned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(ptr: *const u8, len: usize) -> Result<&'static str, BadPointer> {
        // SAFETY: the tests pass constants, or what is refused before it is read.
        unsafe { text(wire::Str { ptr, len }) }
    }

    fn count_of(ptr: *const wire::Pair, count: usize) -> Result<usize, BadPointer> {
        // SAFETY: the tests pass what is refused before it is read.
        unsafe { items(ptr, count) }.map(<[_]>::len)
    }

    fn retry_after(fault: *const wire::Fault) -> Result<u64, BadPointer> {
        // SAFETY: the tests pass null, or a whole struct that may say that it is smaller.
        unsafe { sized(fault) }.map(|fault| fault.retry_after_ms)
    }

    #[test]
    fn empty_is_empty_whatever_the_pointer() {
        assert_eq!(text_of(ptr::null(), 0), Ok(""));
        assert_eq!(text_of(ptr::without_provenance(1), 0), Ok(""));
    }

    #[test]
    fn nonsense_is_refused_before_it_is_read() {
        assert_eq!(text_of(ptr::null(), 3), Err(BadPointer::NullWithLength(3)));
        let long = usize::MAX;
        assert_eq!(text_of(b"x".as_ptr(), long), Err(BadPointer::TooLong(long)));
        let odd = ptr::without_provenance(3);
        assert_eq!(count_of(odd, 1), Err(BadPointer::Misaligned));
        let many = usize::MAX / 8;
        assert_eq!(
            count_of(ptr::without_provenance(8), many),
            Err(BadPointer::TooLong(many))
        );
    }

    #[test]
    fn only_utf8_is_text() {
        assert_eq!(text_of("né".as_ptr(), 3), Ok("né"));
        assert_eq!(text_of(b"ab\xff".as_ptr(), 3), Err(BadPointer::NotUtf8(2)));
    }

    #[test]
    fn a_missing_tail_reads_as_zero() {
        let full = wire::Fault {
            struct_size: size_u32::<wire::Fault>(),
            kind: wire::FaultKind::DENIED,
            message: lend("no"),
            retry_after_ms: 7,
        };
        assert_eq!(retry_after(&raw const full), Ok(7));
        let newer = wire::Fault {
            struct_size: 4096,
            ..full
        };
        assert_eq!(retry_after(&raw const newer), Ok(7));
        let older = wire::Fault {
            struct_size: 24,
            ..full
        };
        assert_eq!(retry_after(&raw const older), Ok(0));
        let short = wire::Fault {
            struct_size: 8,
            ..full
        };
        let refused = BadPointer::TooSmall {
            found: 8,
            required: 24,
        };
        assert_eq!(retry_after(&raw const short), Err(refused));
        assert_eq!(retry_after(ptr::null()), Err(BadPointer::Null));
    }
}
