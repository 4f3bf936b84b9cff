//! `clock/1`, and the clock of the deadlines that calls carry.

#![expect(unsafe_code, reason = "the plugin calls these functions with pointers")]

use std::{
    ptr,
    sync::OnceLock,
    time::{Duration, Instant},
};

use provisionhook_plugin_abi::wire;

use super::{guard::guard, host_op, host_table::HostTable, pointer};

pub(super) static TABLE: wire::Clock1 = wire::Clock1 {
    struct_size: pointer::size_u32::<wire::Clock1>(),
    reserved: 0,
    unix_ms: Some(unix_ms),
    monotonic_ns: Some(monotonic_ns),
    sleep: Some(sleep),
};

/// Nanoseconds from the process's epoch to `instant`, at least 1: 0 means "no deadline" to a plugin.
pub(super) fn nanoseconds(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(epoch()).as_nanos();
    u64::try_from(since).unwrap_or(u64::MAX).max(1)
}

/// One for the process, so that plugins may compare what they read. A second in the past, so that a deadline that has
/// just passed is still in order with now.
fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| {
        let now = Instant::now();
        now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
    })
}

unsafe extern "C" fn unix_ms(_host: *const wire::Host) -> i64 {
    guard(0, || jiff::Timestamp::now().as_millisecond())
}

unsafe extern "C" fn monotonic_ns(_host: *const wire::Host) -> u64 {
    guard(0, || nanoseconds(Instant::now()))
}

unsafe extern "C" fn sleep(host: *const wire::Host, nanoseconds: u64) -> *mut wire::Op {
    guard(ptr::null_mut(), || {
        // SAFETY: the host that the plugin was given.
        let Some(host) = (unsafe { HostTable::from_wire(host) }) else {
            return host_op::failed();
        };
        let entered = host.runtime.enter();
        let sleep = tokio::time::sleep(Duration::from_nanos(nanoseconds));
        drop(entered);
        host_op::start(host, async move {
            sleep.await;
            wire::POLL_READY
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_forward_and_deadlines_are_on_it() {
        let now = nanoseconds(Instant::now());
        let deadline = nanoseconds(Instant::now() + Duration::from_secs(5));
        assert!(now > 0);
        assert!(deadline - now >= 5_000_000_000);
        // SAFETY: the host is not looked at.
        assert!(unsafe { monotonic_ns(ptr::null()) } >= now);
    }
}
