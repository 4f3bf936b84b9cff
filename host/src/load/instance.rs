//! Step 9: the instances of a plugin. One works; one that panicked is never called again and is followed by a new one.

#![expect(unsafe_code, reason = "calls create and destroy")]

use std::{
    ptr::{self, NonNull},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use provisionhook_plugin_abi::wire;

use super::{
    entry::Functions,
    host_table::HostTable,
    pointer,
    reply::{self, Function, ReplyFrame, Step},
};
use crate::{fault::Fault, verify::Verified};

/// How often a plugin is rebuilt in the life of a process: each time leaks an instance.
pub(super) const MAX_REBUILDS: usize = 64;

/// One instance.
#[derive(Debug)]
pub(super) struct Slot {
    instance: NonNull<wire::Instance>,
    poisoned: AtomicBool,
}

// SAFETY: the contract lets a plugin's functions be called for an instance from any thread.
unsafe impl Send for Slot {}
// SAFETY: the contract lets a plugin's functions be called for an instance from several threads at the same time.
unsafe impl Sync for Slot {}

impl Slot {
    #[inline]
    pub(super) fn instance(&self) -> *mut wire::Instance {
        self.instance.as_ptr()
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Relaxed)
    }

    /// It panicked: never call it again.
    #[cold]
    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Relaxed);
    }
}

/// All instances that a plugin has had. Reading the current one takes no lock.
pub(super) struct Instances {
    slots: [OnceLock<Slot>; MAX_REBUILDS + 1],
    /// INVARIANT: the slot of this index is filled.
    current: AtomicUsize,
    pub(super) functions: Functions,
    pub(super) host: &'static HostTable,
    verified: Arc<Verified>,
}

impl Instances {
    /// Makes the first instance. Runs the plugin's `create`, which may block for a while.
    pub(super) fn create(
        functions: Functions,
        host: &'static HostTable,
        verified: Arc<Verified>,
    ) -> Result<Self, Fault> {
        let slots = [const { OnceLock::new() }; MAX_REBUILDS + 1];
        let this = Self {
            slots,
            current: AtomicUsize::new(0),
            functions,
            host,
            verified,
        };
        let first = this.make()?;
        // The slots are new, so the first is free.
        let _ = this.slots[0].set(first);
        Ok(this)
    }

    /// The instance to call, unless it panicked.
    #[inline]
    pub(super) fn healthy(&self) -> Option<&Slot> {
        let slot = self.slots[self.current.load(Ordering::Acquire)].get()?;
        (!slot.is_poisoned()).then_some(slot)
    }

    /// How many times it was rebuilt.
    pub(super) fn rebuilds(&self) -> usize {
        self.current.load(Ordering::Acquire)
    }

    /// Makes a new instance and puts it in the place of the current one. One thread at a time; the caller has seen that
    /// there is room.
    pub(super) fn rebuild(&self) -> Result<(), Fault> {
        let next = self.rebuilds() + 1;
        if let Some(place) = self.slots.get(next)
            && place.set(self.make()?).is_ok()
        {
            self.current.store(next, Ordering::Release);
        }
        Ok(())
    }

    fn make(&self) -> Result<Slot, Fault> {
        let mut reply = ReplyFrame::new(Function::Create, self.host);
        let mut instance = ptr::null_mut();
        let config = pointer::lend_bytes(self.verified.config_json());
        let reply = &raw mut reply;
        // SAFETY: the function of a checked entry; host, config, reply and place live through the call.
        let code = unsafe {
            (self.functions.create)(
                self.host.as_wire(),
                config,
                reply::wire_pointer(reply),
                &raw mut instance,
            )
        };
        // SAFETY: the plugin has returned, and must not keep the reply.
        let reply = unsafe { &mut *reply };
        match reply.after_call(code) {
            Step::Fault(fault) => Err(fault),
            Step::Pending(_op) => {
                Err(reply.defect("returned pending; expected it to be ready or to fail"))
            }
            Step::Ready => match NonNull::new(instance) {
                Some(instance) => Ok(Slot {
                    instance,
                    poisoned: AtomicBool::new(false),
                }),
                None => Err(reply
                    .defect("returned ready without an instance; expected it to set *instance")),
            },
        }
    }
}

impl Drop for Instances {
    /// The last owner is gone, so no call and no operation is left.
    fn drop(&mut self) {
        for slot in self.slots.iter().filter_map(OnceLock::get) {
            // What panicked may be in any state: it is leaked on purpose.
            if !slot.is_poisoned() {
                // SAFETY: a live instance that nobody calls any more, and this is its one destroy.
                unsafe { (self.functions.destroy)(slot.instance()) };
            }
        }
    }
}
