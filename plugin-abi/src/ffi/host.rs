//! [`Host`]: what the host offers to a plugin.
#![expect(unsafe_code, reason = "calls the functions of the host's tables")]

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    task::{Context, Poll},
    time::Duration,
};

use super::{
    exchange::{self, Exchange},
    operation::Operation,
    state::{self, Access, StateAsked},
};
use crate::{
    pointer::{self, Sized32},
    sdk::{self, Clock, Fault, Http, Parts, State},
    wire::{
        self, ABI_MAJOR, CLOCK_1, Clock1, HTTP_1, Http1, LOG_1, Log1, LogRecord, MAGIC, Pair,
        STATE_1, State1, Str, wire_size,
    },
};

/// The host. Cheap to clone, may be kept and used from any thread; after the plugin has been dropped, everything that it
/// offers ends in a fault.
#[derive(Clone)]
pub struct Host {
    services: Arc<Services>,
}

struct Services {
    raw: *const wire::Host,
    log: Option<Log1>,
    clock: Option<Clock1>,
    http: Option<Http1>,
    state: Option<State1>,
    /// INVARIANT: while it is read as `true` and held, `raw` and the tables are valid.
    open: RwLock<bool>,
}

// SAFETY: the host's table and its services may be used from any thread.
unsafe impl Send for Services {}
// SAFETY: from several at the same time, too.
unsafe impl Sync for Services {}

impl Host {
    /// `http/1`: requests through the host's client.
    #[must_use]
    pub fn http(&self) -> Http<'_> {
        Http::new(self)
    }

    /// `clock/1`: the host's time.
    #[must_use]
    pub fn clock(&self) -> Clock<'_> {
        Clock::new(self)
    }

    /// `state/1`: what the plugin keeps from one run of the platform to the next.
    #[must_use]
    pub fn state(&self) -> State<'_> {
        State::new(self)
    }

    /// Runs a future to its end on this thread: in `create`, and in calls of class `blocking`.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        sdk::block_on(future)
    }

    /// # Safety
    ///
    /// The table that `create` was given, valid until [`close`](Self::close).
    ///
    /// # Errors
    ///
    /// When the host is too old, of another major, or gone.
    pub(super) unsafe fn new(raw: *const wire::Host) -> Result<Self, Fault> {
        // SAFETY: the host's table tells its size.
        let table = unsafe { pointer::sized(raw) }
            .map_err(|error| Fault::internal(format!("the host's table: {error}")))?;
        if table.prefix.magic != MAGIC || table.prefix.abi_major != ABI_MAJOR {
            return Err(Fault::config(format!(
                "expected a host of ABI major {ABI_MAJOR}, found {}; build the plugin for that host",
                table.prefix.abi_major
            )));
        }
        let services = Services {
            raw,
            // SAFETY: the host gives a table of this type, or null, for this id.
            log: unsafe { service(raw, &table, LOG_1) },
            // SAFETY: as above.
            clock: unsafe { service(raw, &table, CLOCK_1) },
            // SAFETY: as above.
            http: unsafe { service(raw, &table, HTTP_1) },
            // SAFETY: as above.
            state: unsafe { service(raw, &table, STATE_1) },
            open: RwLock::new(true),
        };
        Ok(Self {
            services: Arc::new(services),
        })
    }

    /// Ends the use of the host: waits for those who are inside one of its functions, and turns away whoever comes later.
    pub(super) fn close(&self) {
        *self
            .services
            .open
            .write()
            .unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Keeps the host in place while the guard lives.
    ///
    /// # Errors
    ///
    /// When the host is too old, of another major, or gone.
    pub(super) fn enter(&self) -> Result<RwLockReadGuard<'_, bool>, Fault> {
        let open = self
            .services
            .open
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if *open {
            Ok(open)
        } else {
            Err(Fault::internal(
                "the plugin uses the host after its own end",
            ))
        }
    }

    pub(super) fn raw(&self) -> *const wire::Host {
        self.services.raw
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.services, &other.services)
    }

    pub(crate) fn log_enabled(&self, level: u32) -> bool {
        let (Some(log), Ok(_open)) = (&self.services.log, self.enter()) else {
            return false;
        };
        // SAFETY: the host is open.
        log.enabled
            .is_none_or(|enabled| unsafe { enabled(self.raw(), level) } != 0)
    }

    pub(crate) fn log(
        &self,
        level: u32,
        target: &str,
        message: &str,
        fields: &[(&'static str, String)],
    ) {
        let (Some(log), Ok(_open)) = (self.services.log.and_then(|table| table.log), self.enter())
        else {
            return;
        };
        let fields: Vec<Pair> = fields
            .iter()
            .map(|(key, value)| Pair::new(key, value))
            .collect();
        let record = LogRecord {
            struct_size: wire_size::<LogRecord>(),
            level,
            target: Str::new(target),
            message: Str::new(message),
            fields: fields.as_ptr(),
            field_count: fields.len(),
        };
        // SAFETY: the host is open; the record lives through the call.
        unsafe { log(self.raw(), &raw const record) };
    }

    pub(crate) fn unix_ms(&self) -> Option<i64> {
        let read = self.services.clock?.unix_ms?;
        let _open = self.enter().ok()?;
        // SAFETY: the host is open.
        Some(unsafe { read(self.raw()) })
    }

    pub(crate) fn monotonic_ns(&self) -> Option<u64> {
        let read = self.services.clock?.monotonic_ns?;
        let _open = self.enter().ok()?;
        // SAFETY: the host is open.
        Some(unsafe { read(self.raw()) })
    }

    /// # Errors
    ///
    /// When the host is too old, of another major, or gone.
    pub(crate) fn start_sleep(&self, duration: Duration) -> Result<Sleep, Fault> {
        let Some(sleep) = self.services.clock.and_then(|clock| clock.sleep) else {
            return Err(missing(CLOCK_1));
        };
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let op = {
            let _open = self.enter()?;
            // SAFETY: the host is open.
            unsafe { sleep(self.raw(), nanoseconds) }
        };
        // SAFETY: the host has just made it.
        Ok(Sleep(unsafe { Operation::new(self.clone(), op) }?))
    }

    /// # Errors
    ///
    /// When the host is too old, of another major, or gone.
    pub(crate) fn start_http(&self, parts: &Parts) -> Result<Exchange, Fault> {
        match &self.services.http {
            Some(http) => exchange::start(self, http, parts),
            None => Err(missing(HTTP_1)),
        }
    }

    /// # Errors
    ///
    /// When the host is too old, of another major, or gone.
    pub(crate) fn start_state(&self, key: &str, access: Access<'_>) -> Result<StateAsked, Fault> {
        match &self.services.state {
            Some(state) => state::start(self, state, key, access),
            None => Err(missing(STATE_1)),
        }
    }
}

/// A wait under way.
pub(crate) struct Sleep(Operation);

impl Sleep {
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.0.poll(context)
    }
}

/// # Safety
///
/// `T` is the type of the table that the contract names `id`.
unsafe fn service<T: Sized32>(raw: *const wire::Host, table: &wire::Host, id: &str) -> Option<T> {
    // SAFETY: the host's table is valid; the id lives through the call.
    let service = unsafe { table.extension?(raw, Str::new(id)) };
    // SAFETY: null, or the table that the contract names so, which tells its size.
    unsafe { pointer::sized(service.cast::<T>()) }.ok()
}

fn missing(id: &str) -> Fault {
    Fault::config(format!(
        "expected a host with the service {id}, found one without it; use a newer host"
    ))
}

/// A fault of the host's.
///
/// # Safety
///
/// Lent by the host for the call.
pub(super) unsafe fn read_fault(raw: *const wire::Fault) -> Fault {
    // SAFETY: the host's structs tell their size.
    let fault = match unsafe { pointer::sized(raw) } {
        Ok(fault) => fault,
        Err(error) => return Fault::internal(format!("the host's fault: {error}")),
    };
    // SAFETY: lent for the call.
    let message =
        unsafe { pointer::text(fault.message) }.unwrap_or("(a message that is not UTF-8)");
    let read = Fault::new(fault.kind, message.to_owned());
    match fault.retry_after_ms {
        0 => read,
        delay => read.retry_after(Duration::from_millis(delay)),
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}
