//! Wakers across the boundary, in both directions.

#![expect(unsafe_code, reason = "wakers cross as a pointer and a table")]

use std::{
    ffi::c_void,
    ptr,
    sync::Arc,
    task::{Wake, Waker},
};

use provisionhook_plugin_abi::wire;

use super::{guard::guard, pointer};

static TABLE: wire::WakerVtable = wire::WakerVtable {
    struct_size: pointer::size_u32::<wire::WakerVtable>(),
    reserved: 0,
    clone: Some(clone),
    wake: Some(wake),
    wake_by_ref: Some(wake_by_ref),
    drop: Some(drop_waker),
};

/// Lends the host's waker to an operation of the plugin, which clones it to keep it. The result must not outlive `waker`.
pub(super) fn lend(waker: &Waker) -> wire::Waker {
    wire::Waker {
        vtable: &raw const TABLE,
        data: ptr::from_ref(waker).cast_mut().cast(),
    }
}

/// Keeps a clone of the waker with which a plugin polls an operation of the host. `None` if it cannot be used.
///
/// # Safety
/// If `lent` is not null it points to a waker of the plugin that is valid during this call.
pub(super) unsafe fn keep(lent: *const wire::Waker) -> Option<Waker> {
    if lent.is_null() || !lent.is_aligned() {
        return None;
    }
    // SAFETY: not null, aligned; the caller vouches for the rest.
    let lent = unsafe { lent.read() };
    // SAFETY: the table of a waker lives as long as the waker.
    let table = unsafe { pointer::sized(lent.vtable) }.ok()?;
    let (clone, wake_by_ref, drop) = (table.clone?, table.wake_by_ref?, table.drop?);
    // SAFETY: the plugin's function with the plugin's data, during the call that lent it.
    let data = unsafe { clone(lent.data) };
    Some(Waker::from(Arc::new(Kept {
        data,
        wake_by_ref,
        drop,
    })))
}

/// A clone of a plugin's waker.
struct Kept {
    /// INVARIANT: from the plugin's `clone`; freed once, in `Drop`.
    data: *mut c_void,
    wake_by_ref: unsafe extern "C" fn(*mut c_void),
    drop: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the contract lets each function of a waker be called from any thread.
unsafe impl Send for Kept {}
// SAFETY: the contract lets each function of a waker be called from several threads at the same time.
unsafe impl Sync for Kept {}

impl Wake for Kept {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // SAFETY: the data is the clone that this table made, and not yet freed.
        unsafe { (self.wake_by_ref)(self.data) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: the data is the clone that this table made, and this is its one drop.
        unsafe { (self.drop)(self.data) }
    }
}

unsafe extern "C" fn clone(data: *mut c_void) -> *mut c_void {
    guard(ptr::null_mut(), || {
        // SAFETY: `data` is the lent waker or a clone of it, both a `Waker` that lives through this call.
        let waker = unsafe { data.cast::<Waker>().as_ref() };
        waker.map_or(ptr::null_mut(), |waker| {
            Box::into_raw(Box::new(waker.clone())).cast()
        })
    })
}

unsafe extern "C" fn wake(data: *mut c_void) {
    guard((), || {
        if !data.is_null() {
            // SAFETY: `data` came out of `clone`, and the plugin gives it up with this call.
            unsafe { Box::from_raw(data.cast::<Waker>()) }.wake();
        }
    });
}

unsafe extern "C" fn wake_by_ref(data: *mut c_void) {
    guard((), || {
        // SAFETY: `data` is the lent waker or a clone of it, both a `Waker` that lives through this call.
        if let Some(waker) = unsafe { data.cast::<Waker>().as_ref() } {
            waker.wake_by_ref();
        }
    });
}

unsafe extern "C" fn drop_waker(data: *mut c_void) {
    guard((), || {
        if !data.is_null() {
            // SAFETY: `data` came out of `clone`, and the plugin gives it up with this call.
            drop(unsafe { Box::from_raw(data.cast::<Waker>()) });
        }
    });
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_waker_goes_out_and_comes_back_from_another_thread() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let lent = lend(&waker);
        // SAFETY: lent from a waker that lives through the call.
        let kept = unsafe { keep(&raw const lent) }.unwrap();
        let second = kept.clone();
        thread::spawn(move || second.wake()).join().unwrap();
        kept.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
        drop((kept, waker));
        assert_eq!(Arc::strong_count(&count), 1, "every clone was freed");
    }

    #[test]
    fn a_half_filled_waker_is_not_kept() {
        let table = wire::WakerVtable {
            wake_by_ref: None,
            ..TABLE
        };
        let lent = wire::Waker {
            vtable: &raw const table,
            data: ptr::null_mut(),
        };
        // SAFETY: points to a waker.
        assert!(unsafe { keep(&raw const lent) }.is_none());
        // SAFETY: null.
        assert!(unsafe { keep(ptr::null()) }.is_none());
    }
}
