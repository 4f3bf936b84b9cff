//! `workspace-lifecycle/1`, and with it `state/1`.

use std::sync::atomic::AtomicUsize;

use provisionhook_plugin_abi::wire::{FaultKind, POLL_FAULT, POLL_PENDING, POLL_READY};

use super::{
    handles::{Owned, TestReply, Woken},
    host::TestHost,
    keeper::{Idle, blocking::BlockingKeeper, waiting::AsyncKeeper},
    loaded::Loaded,
};

#[test]
fn what_a_plugin_keeps_is_read_written_and_removed() {
    let plugin = Loaded::create::<BlockingKeeper>("{}").unwrap();
    for renewed in [&b"x"[..], b"xx"] {
        let mut reply = TestReply::new();
        assert_eq!(plugin.tend(&mut reply), POLL_READY);
        assert_eq!(reply.again, Some(1500));
        assert_eq!(plugin.host.state.lock().unwrap()["lease.ws-1"], renewed);
    }
    let mut reply = TestReply::new();
    for _ in 0..2 {
        assert_eq!(plugin.ended(&mut reply), POLL_READY);
        assert!(plugin.host.state.lock().unwrap().is_empty());
    }
    assert_eq!(reply.again, None);
}

#[test]
fn state_is_waited_for_as_an_operation() {
    let plugin = Loaded::create::<AsyncKeeper>("{}").unwrap();
    let (mut reply, woken) = (TestReply::new(), Woken(AtomicUsize::new(0)));
    assert_eq!(plugin.tend(&mut reply), POLL_PENDING);
    let mut op = Owned(reply.pending);
    assert_eq!(op.poll(&woken.waker()), POLL_PENDING, "read, now it writes");
    assert_eq!(op.poll(&woken.waker()), POLL_READY);
    assert_eq!(plugin.host.state.lock().unwrap()["lease.ws-1"], b"x");
}

#[test]
fn the_hosts_fault_reaches_the_author() {
    let plugin = Loaded::create::<BlockingKeeper>(r#"{"mode": "broken"}"#).unwrap();
    let expected = (FaultKind::CONFIG, "the disk is full".to_owned(), 0);
    let mut reply = TestReply::new();
    assert_eq!(plugin.tend(&mut reply), POLL_FAULT);
    assert_eq!(
        (reply.fault.take(), reply.again),
        (Some(expected.clone()), None)
    );
    assert_eq!(plugin.ended(&mut reply), POLL_FAULT);
    assert_eq!(reply.fault, Some(expected));
}

#[test]
fn a_host_that_keeps_no_state_is_named_with_what_to_do() {
    let plugin = Loaded::create_on::<BlockingKeeper>(TestHost::of_minor(2), "{}").unwrap();
    let mut reply = TestReply::new();
    assert_eq!(plugin.tend(&mut reply), POLL_FAULT);
    let expected = (
        FaultKind::CONFIG,
        "expected a host with the service state/1, found one without it; use a newer host"
            .to_owned(),
        0,
    );
    assert_eq!(reply.fault, Some(expected));
}

#[test]
fn who_has_nothing_to_renew_says_only_how_it_ends() {
    let plugin = Loaded::create::<Idle>("{}").unwrap();
    let mut reply = TestReply::new();
    assert_eq!(plugin.tend(&mut reply), POLL_READY);
    assert_eq!(reply.again, None);
    assert_eq!(plugin.ended(&mut reply), POLL_FAULT);
    assert_eq!(
        reply.fault,
        Some((FaultKind::TRANSIENT, "upstream is down".to_owned(), 2000))
    );
}
