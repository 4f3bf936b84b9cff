//! Reading what the other side passed: null, lengths, alignment, UTF-8, sizes.
//!
//! Nothing can check that a pointer leads to live memory; that is what "unsafe" is left to mean here.
#![expect(
    unsafe_code,
    reason = "raw pointers from the other side of the boundary are read here, and nowhere else"
)]

use core::{fmt, mem::MaybeUninit, ptr, slice, str};

use crate::wire::{
    Bytes, Call, Clock1, Entry, Env, EnvMutator1, EnvVtable, Fault, File, FileContributor1, Files,
    FilesVtable, Host, Http1, HttpRequest, HttpSinkVtable, Log1, LogRecord, Op, OpVtable, Prefix,
    Reply, ReplyVtable, Scope, State1, StateSinkVtable, Str, Token, TokenProvider1, WakerVtable,
    WorkspaceLifecycle1,
};

/// What is wrong with a pointer, before anything was read through it or while it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerError {
    /// Null where something must be.
    Null,
    /// Not a multiple of the alignment.
    Misaligned,
    /// Longer than any object can be.
    TooLong,
    /// `struct_size` is too small to hold itself, or not a multiple of the alignment.
    BadSize(u32),
    /// Not UTF-8.
    NotUtf8,
}

impl fmt::Display for PointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("expected a pointer, found null"),
            Self::Misaligned => {
                f.write_str("expected an aligned pointer, found one between two words")
            }
            Self::TooLong => f.write_str("expected a length below 2^63, found a larger one"),
            Self::BadSize(size) => write!(
                f,
                "expected a struct_size that covers the first fields, found {size}"
            ),
            Self::NotUtf8 => f.write_str("expected UTF-8, found other bytes"),
        }
    }
}

impl core::error::Error for PointerError {}

/// A wire struct or table that tells its own size.
///
/// # Safety
///
/// The type is `repr(C)`, has a `u32` size at [`SIZE_AT`](Self::SIZE_AT), and all its bytes may be zero.
pub unsafe trait Sized32: Copy {
    /// Offset of `struct_size`.
    const SIZE_AT: usize = 0;
}

macro_rules! sized {
    ($($wire:ty),+ $(,)?) => {$(
        // SAFETY: `repr(C)`, opens with `struct_size: u32`; the rest is integers, pointers and `Option<fn>`.
        unsafe impl Sized32 for $wire {}
    )+};
}

sized!(
    Call,
    Clock1,
    EnvMutator1,
    EnvVtable,
    Fault,
    File,
    FileContributor1,
    FilesVtable,
    Http1,
    HttpRequest,
    HttpSinkVtable,
    Log1,
    LogRecord,
    OpVtable,
    ReplyVtable,
    Scope,
    State1,
    StateSinkVtable,
    Token,
    TokenProvider1,
    WakerVtable,
    WorkspaceLifecycle1,
);

// SAFETY: `repr(C)`, opens with a `Prefix`; the rest is integers, pointers and `Option<fn>`.
unsafe impl Sized32 for Entry {
    const SIZE_AT: usize = core::mem::offset_of!(Prefix, struct_size);
}

// SAFETY: `repr(C)`, opens with a `Prefix`; the rest is pointers and `Option<fn>`.
unsafe impl Sized32 for Host {
    const SIZE_AT: usize = core::mem::offset_of!(Prefix, struct_size);
}

/// A wire struct that leads to functions: its maker's own data follows.
///
/// # Safety
///
/// The type is `repr(C)` and opens with `vtable: *const Self::Table`.
pub unsafe trait Handle {
    /// The functions.
    type Table: Sized32;
}

macro_rules! handle {
    ($($wire:ty => $table:ty),+ $(,)?) => {$(
        // SAFETY: `repr(C)`, with a pointer to this table and nothing else.
        unsafe impl Handle for $wire {
            type Table = $table;
        }
    )+};
}

handle!(
    Env => EnvVtable,
    Files => FilesVtable,
    Op => OpVtable,
    Reply => ReplyVtable,
);

/// Copies the table of a handle, as much of it as its maker knew.
///
/// # Errors
///
/// When handle or table is null or misaligned, or the size makes no sense.
///
/// # Safety
///
/// A handle that is neither null nor misaligned leads to a live one, and its table is as for [`sized`].
#[inline]
pub unsafe fn table<H: Handle>(handle: *const H) -> Result<H::Table, PointerError> {
    if handle.is_null() {
        return Err(PointerError::Null);
    }
    if !handle.is_aligned() {
        return Err(PointerError::Misaligned);
    }
    // SAFETY: live, as the caller says, and it opens with this pointer.
    let table = unsafe { handle.cast::<*const H::Table>().read() };
    // SAFETY: the caller's promise is the same.
    unsafe { sized(table) }
}

/// Copies a struct, as much of it as its maker knew. What the maker did not know is zero: null, empty, none.
///
/// # Errors
///
/// When the pointer is null or misaligned, or the size makes no sense.
///
/// # Safety
///
/// A pointer that is neither null nor misaligned leads to a readable `u32` at `SIZE_AT`, and that many bytes are readable.
#[inline]
pub unsafe fn sized<T: Sized32>(from: *const T) -> Result<T, PointerError> {
    if from.is_null() {
        return Err(PointerError::Null);
    }
    if !from.is_aligned() {
        return Err(PointerError::Misaligned);
    }
    // SAFETY: the caller says that the size is readable, and it lies inside `T`.
    let size_at = unsafe { from.byte_add(T::SIZE_AT) };
    // SAFETY: as above; `T` is aligned at least as strictly as the `u32` in it.
    let size = unsafe { size_at.cast::<u32>().read() };
    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
    if bytes < T::SIZE_AT + size_of::<u32>() || bytes % align_of::<T>() != 0 {
        return Err(PointerError::BadSize(size));
    }
    if bytes >= size_of::<T>() {
        // The common case, and a copy of a length that the compiler knows.
        // SAFETY: the source has at least `size_of::<T>()` readable bytes, as the caller says, and is aligned.
        return Ok(unsafe { from.read() });
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: the source has `bytes` readable bytes, as the caller says; the copy has `size_of::<T>()`; both are apart.
    unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), copy.as_mut_ptr().cast::<u8>(), bytes) };
    // SAFETY: all zero is a value of `T`, and so is a prefix of another one followed by zeros.
    Ok(unsafe { copy.assume_init() })
}

/// A borrowed string.
///
/// # Errors
///
/// When it has a length but no pointer, is too long, or is not UTF-8.
///
/// # Safety
///
/// A pointer that is not null leads to `len` bytes that stay readable and unchanged for `'a`.
#[inline]
pub unsafe fn text<'a>(from: Str) -> Result<&'a str, PointerError> {
    // SAFETY: the caller's promise is the same.
    let bytes = unsafe { slice::<u8>(from.ptr, from.len) }?;
    str::from_utf8(bytes).map_err(|_| PointerError::NotUtf8)
}

/// Borrowed bytes.
///
/// # Errors
///
/// When there is a length but no pointer, or it is too long.
///
/// # Safety
///
/// As for [`text`].
#[inline]
pub unsafe fn bytes<'a>(from: Bytes) -> Result<&'a [u8], PointerError> {
    // SAFETY: the caller's promise is the same.
    unsafe { slice::<u8>(from.ptr, from.len) }
}

/// A borrowed slice; empty if `count` is 0, whatever the pointer is.
///
/// # Errors
///
/// When there is a count but no pointer, it is misaligned, or the count is too large.
///
/// # Safety
///
/// A pointer that is not null leads to `count` values of `T` that stay readable and unchanged for `'a`.
#[inline]
pub unsafe fn slice<'a, T: Copy>(from: *const T, count: usize) -> Result<&'a [T], PointerError> {
    if count == 0 {
        return Ok(&[]);
    }
    if from.is_null() {
        return Err(PointerError::Null);
    }
    if !from.is_aligned() {
        return Err(PointerError::Misaligned);
    }
    if count > isize::MAX.unsigned_abs() / size_of::<T>().max(1) {
        return Err(PointerError::TooLong);
    }
    // SAFETY: not null, aligned, not too long, and readable for `'a` as the caller says.
    Ok(unsafe { slice::from_raw_parts(from, count) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FaultKind;

    fn fault(struct_size: u32) -> Fault {
        Fault {
            struct_size,
            kind: FaultKind::DENIED,
            message: Str::new("no"),
            retry_after_ms: 9,
        }
    }

    /// Reads a struct that is live, or one that the reader must turn away before it looks.
    ///
    /// # Errors
    ///
    /// Those of `sized`.
    fn read(from: *const Fault) -> Result<Fault, PointerError> {
        // SAFETY: each test passes null, a misaligned pointer, or a struct of the size that it tells.
        unsafe { sized(from) }
    }

    /// Reads bytes that are live, or ones that the reader must turn away before it looks.
    ///
    /// # Errors
    ///
    /// Those of `text`.
    fn read_text(ptr: *const u8, len: usize) -> Result<&'static str, PointerError> {
        // SAFETY: each test passes statics, or a pointer and length that are never followed.
        unsafe { text(Str { ptr, len }) }
    }

    #[test]
    fn a_whole_struct_is_copied() {
        let whole = fault(32);
        let read = read(&raw const whole).unwrap();
        assert_eq!((read.kind, read.retry_after_ms), (FaultKind::DENIED, 9));
    }

    #[test]
    fn a_tail_that_the_maker_did_not_know_is_zero() {
        let older = fault(24);
        let read = read(&raw const older).unwrap();
        assert_eq!((read.message.len, read.retry_after_ms), (2, 0));
    }

    #[test]
    fn a_tail_that_the_reader_does_not_know_is_left_out() {
        #[repr(C)]
        struct Newer(Fault, [u64; 4]);
        let newer = Newer(fault(64), [7; 4]);
        let read = read((&raw const newer).cast::<Fault>()).unwrap();
        assert_eq!((read.struct_size, read.retry_after_ms), (64, 9));
    }

    #[test]
    fn sizes_that_make_no_sense_are_refused() {
        for size in [0, 3, 12, 25] {
            let bad = fault(size);
            assert_eq!(
                read(&raw const bad).unwrap_err(),
                PointerError::BadSize(size)
            );
        }
    }

    #[test]
    fn null_and_misaligned_are_refused() {
        let words = [0_u64; 8];
        let odd = (&raw const words).cast::<Fault>().wrapping_byte_add(4);
        assert_eq!(read(ptr::null()).unwrap_err(), PointerError::Null);
        assert_eq!(read(odd).unwrap_err(), PointerError::Misaligned);
        // SAFETY: a misaligned pointer is never read.
        let pairs = unsafe { slice(odd, 1) };
        assert_eq!(pairs.unwrap_err(), PointerError::Misaligned);
    }

    #[test]
    fn no_length_is_empty_whatever_the_pointer() {
        assert_eq!(read_text(ptr::null(), 0), Ok(""));
        assert_eq!(read_text(ptr::dangling(), 0), Ok(""));
        assert_eq!(read_text(ptr::null(), 4), Err(PointerError::Null));
        assert_eq!(
            read_text(ptr::dangling(), usize::MAX),
            Err(PointerError::TooLong)
        );
    }

    #[test]
    fn bad_utf8_is_refused() {
        static RAW: [u8; 2] = [0xC3, 0x28];
        let error = read_text(RAW.as_ptr(), 2).unwrap_err();
        assert_eq!(error.to_string(), "expected UTF-8, found other bytes");
        assert_eq!(read_text("Grüße".as_ptr(), 7), Ok("Grüße"));
    }
}
