//! Calls that do not end at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use provisionhook_plugin_abi::wire::{FaultKind, POLL_FAULT, POLL_PENDING, POLL_READY};

use super::{
    handles::{Owned, TestEnv, TestReply, Woken},
    loaded::Loaded,
    plugins::waiting::AsyncBusy,
    two_steps::LIVE_OPERATIONS,
};

fn start(mode: &str, env: &mut TestEnv, reply: &mut TestReply) -> (Loaded, Owned) {
    let plugin = Loaded::create::<AsyncBusy>(&format!(r#"{{"mode": "{mode}"}}"#)).unwrap();
    assert_eq!(plugin.mutate(env, reply), POLL_PENDING);
    let op = Owned(reply.pending);
    (plugin, op)
}

#[test]
fn a_call_goes_on_when_it_is_polled() {
    let (mut env, mut reply, woken) =
        (TestEnv::new(), TestReply::new(), Woken(AtomicUsize::new(0)));
    let (_plugin, mut op) = start("sleep", &mut env, &mut reply);
    assert_eq!((env.value("BEFORE"), env.value("AFTER")), (Some("1"), None));
    assert_eq!(op.poll(&woken.waker()), POLL_READY);
    assert_eq!(env.variables["AFTER"], ("2".to_owned(), true));
}

#[test]
fn the_hosts_waker_reaches_the_hosts_own_operation() {
    let (mut env, mut reply, woken) =
        (TestEnv::new(), TestReply::new(), Woken(AtomicUsize::new(0)));
    // The first wait is over at the first poll; the second starts in it, and wakes.
    let (_plugin, mut op) = start("http", &mut env, &mut reply);
    assert_eq!(op.poll(&woken.waker()), POLL_PENDING);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(op.poll(&woken.waker()), POLL_FAULT);
}

#[test]
fn a_call_that_is_ready_makes_no_operation() {
    let plugin = Loaded::create::<AsyncBusy>(r#"{"mode": "x"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_READY);
    assert!(reply.pending.is_null());
}

#[test]
fn dropping_cancels_what_the_call_waits_for() {
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    let before = LIVE_OPERATIONS.load(Ordering::SeqCst);
    let (_plugin, op) = start("sleep", &mut env, &mut reply);
    assert_eq!(LIVE_OPERATIONS.load(Ordering::SeqCst), before + 1);
    drop(op);
    assert_eq!(LIVE_OPERATIONS.load(Ordering::SeqCst), before);
    assert_eq!(env.value("AFTER"), None);
}

#[test]
fn a_panic_in_a_poll_is_caught_and_the_instance_poisoned() {
    let (mut env, mut reply, woken) =
        (TestEnv::new(), TestReply::new(), Woken(AtomicUsize::new(0)));
    let (plugin, mut op) = start("panic later", &mut env, &mut reply);
    assert_eq!(op.poll(&woken.waker()), POLL_FAULT);
    let expected = (
        FaultKind::PANICKED,
        "the plugin panicked: after the wait".to_owned(),
        0,
    );
    assert_eq!(reply.fault.take(), Some(expected));
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_FAULT);
    assert_eq!(
        reply.fault.map(|(kind, ..)| kind),
        Some(FaultKind::PANICKED)
    );
}

#[test]
fn polling_after_the_end_is_a_fault() {
    let (mut env, mut reply, woken) =
        (TestEnv::new(), TestReply::new(), Woken(AtomicUsize::new(0)));
    let (_plugin, mut op) = start("sleep", &mut env, &mut reply);
    assert_eq!(op.poll(&woken.waker()), POLL_READY);
    assert_eq!(op.poll(&woken.waker()), POLL_FAULT);
    assert_eq!(
        reply.fault.map(|(kind, ..)| kind),
        Some(FaultKind::INTERNAL)
    );
}
