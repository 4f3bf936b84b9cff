//! Faults across the boundary.

use provisionhook_plugin_abi::wire;

use super::pointer;
use crate::fault::{Fault, FaultKind};

/// Lends a fault of the host to the plugin.
pub(super) fn lend(fault: &Fault) -> wire::Fault {
    let retry_after = fault.retry_after.map_or(0, |after| after.as_millis());
    wire::Fault {
        struct_size: pointer::size_u32::<wire::Fault>(),
        kind: wire_kind(fault.kind),
        message: pointer::lend(&fault.message),
        retry_after_ms: u64::try_from(retry_after).unwrap_or(u64::MAX),
    }
}

fn wire_kind(kind: FaultKind) -> wire::FaultKind {
    match kind {
        FaultKind::Config => wire::FaultKind::CONFIG,
        FaultKind::Transient => wire::FaultKind::TRANSIENT,
        FaultKind::Denied => wire::FaultKind::DENIED,
        FaultKind::Internal => wire::FaultKind::INTERNAL,
        FaultKind::Panicked => wire::FaultKind::PANICKED,
        FaultKind::TimedOut => wire::FaultKind::TIMED_OUT,
        FaultKind::Cancelled => wire::FaultKind::CANCELLED,
    }
}

/// `None` for a kind that this host does not know.
pub(super) fn kind_of(kind: wire::FaultKind) -> Option<FaultKind> {
    Some(match kind {
        wire::FaultKind::CONFIG => FaultKind::Config,
        wire::FaultKind::TRANSIENT => FaultKind::Transient,
        wire::FaultKind::DENIED => FaultKind::Denied,
        wire::FaultKind::INTERNAL => FaultKind::Internal,
        wire::FaultKind::PANICKED => FaultKind::Panicked,
        wire::FaultKind::TIMED_OUT => FaultKind::TimedOut,
        wire::FaultKind::CANCELLED => FaultKind::Cancelled,
        _ => return None,
    })
}
