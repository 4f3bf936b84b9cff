//! What tests say of faults.

use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};

/// Panics unless the fault is of this kind and its message has all of these words in it.
#[track_caller]
pub fn assert_fault(fault: &Fault, kind: FaultKind, words: &[&str]) {
    assert_eq!(fault.kind(), kind, "{fault}");
    for word in words {
        assert!(
            fault.message().contains(word),
            "expected {word:?} in: {fault}"
        );
    }
}
