//! Wakers, both ways: the host's as a [`Waker`], and a [`Waker`] as the wire wants it.
#![expect(unsafe_code, reason = "wakers are a pointer and a table on both sides")]

use std::{
    ffi::c_void,
    mem::ManuallyDrop,
    task::{RawWaker, RawWakerVTable, Waker},
};

use crate::{
    pointer,
    wire::{self, WakerVtable, wire_size},
};

/// Calls `act` with the host's waker. Clones of it may be kept and used from any thread.
///
/// # Safety
///
/// Null, or a waker of the host that is valid until this returns.
pub(crate) unsafe fn with_host_waker<R>(
    waker: *const wire::Waker,
    act: impl FnOnce(&Waker) -> R,
) -> R {
    if waker.is_null() {
        return act(Waker::noop());
    }
    let raw = RawWaker::new(waker.cast(), &BORROWED);
    // SAFETY: the table fits the data, which lives until this returns; it is never dropped, because it is borrowed.
    let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw) });
    act(&waker)
}

/// `data` is a `*const wire::Waker` that the host lent.
static BORROWED: RawWakerVTable = RawWakerVTable::new(clone, wake_by_ref, wake_by_ref, |_| {});
/// `data` is a `*const wire::Waker` in a box, with a cloned `data` of the host's in it.
static OWNED: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, discard);

fn table(waker: &wire::Waker) -> Option<WakerVtable> {
    // SAFETY: the table of a valid waker lives as long as the host, and tells its size.
    unsafe { pointer::sized(waker.vtable) }.ok()
}

/// # Safety
///
/// `data` is what the table of this function says.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: both tables above keep a `wire::Waker` there.
    let waker = unsafe { &*data.cast::<wire::Waker>() };
    let Some(clone) = table(waker).and_then(|table| table.clone) else {
        return RawWaker::new(std::ptr::null(), Waker::noop().vtable());
    };
    // SAFETY: the waker is valid, and so is its data.
    let data = unsafe { clone(waker.data) };
    RawWaker::new(
        Box::into_raw(Box::new(wire::Waker {
            vtable: waker.vtable,
            data,
        }))
        .cast(),
        &OWNED,
    )
}

/// # Safety
///
/// `data` is what the table of this function says.
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: both tables above keep a `wire::Waker` there.
    let waker = unsafe { &*data.cast::<wire::Waker>() };
    if let Some(wake) = table(waker).and_then(|table| table.wake_by_ref) {
        // SAFETY: the waker is valid, and so is its data.
        unsafe { wake(waker.data) };
    }
}

/// # Safety
///
/// `data` is what the table of this function says.
unsafe fn wake(data: *const ()) {
    // SAFETY: `OWNED` keeps a box there, and this is its end.
    let waker = unsafe { Box::from_raw(data.cast_mut().cast::<wire::Waker>()) };
    if let Some(wake) = table(&waker).and_then(|table| table.wake) {
        // SAFETY: the data is a clone, and this is its end.
        unsafe { wake(waker.data) };
    }
}

/// # Safety
///
/// `data` is what the table of this function says.
unsafe fn discard(data: *const ()) {
    // SAFETY: `OWNED` keeps a box there, and this is its end.
    let waker = unsafe { Box::from_raw(data.cast_mut().cast::<wire::Waker>()) };
    if let Some(discard) = table(&waker).and_then(|table| table.drop) {
        // SAFETY: the data is a clone, and this is its end.
        unsafe { discard(waker.data) };
    }
}

/// Lends `waker` to an operation of the host. Valid as long as `waker` is.
pub(crate) fn lend(waker: &Waker) -> wire::Waker {
    wire::Waker {
        vtable: &LENT,
        data: std::ptr::from_ref(waker).cast_mut().cast(),
    }
}

/// `data` is a `*const Waker`: lent by [`lend`], or boxed by `clone`.
static LENT: WakerVtable = WakerVtable {
    struct_size: wire_size::<WakerVtable>(),
    reserved: 0,
    clone: Some(lent_clone),
    wake: Some(lent_wake),
    wake_by_ref: Some(lent_wake_by_ref),
    drop: Some(lent_drop),
};

/// # Safety
///
/// `data` is what the table of this function says.
unsafe extern "C" fn lent_clone(data: *mut c_void) -> *mut c_void {
    // SAFETY: the data of every waker with this table is a `Waker`.
    let waker = unsafe { &*data.cast::<Waker>() };
    Box::into_raw(Box::new(waker.clone())).cast()
}

/// # Safety
///
/// `data` is what the table of this function says.
unsafe extern "C" fn lent_wake(data: *mut c_void) {
    // SAFETY: the host gives back what `clone` boxed, once.
    unsafe { Box::from_raw(data.cast::<Waker>()) }.wake();
}

/// # Safety
///
/// `data` is what the table of this function says.
unsafe extern "C" fn lent_wake_by_ref(data: *mut c_void) {
    // SAFETY: the data of every waker with this table is a `Waker`.
    unsafe { &*data.cast::<Waker>() }.wake_by_ref();
}

/// # Safety
///
/// `data` is what the table of this function says.
unsafe extern "C" fn lent_drop(data: *mut c_void) {
    // SAFETY: the host gives back what `clone` boxed, once.
    drop(unsafe { Box::from_raw(data.cast::<Waker>()) });
}
