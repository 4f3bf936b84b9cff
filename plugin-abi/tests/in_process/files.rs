//! `file-contributor/1`, in each execution class.

use std::sync::atomic::AtomicUsize;

use provisionhook_plugin_abi::wire::{FaultKind, POLL_FAULT, POLL_PENDING, POLL_READY};

use super::{
    handles::{Owned, TestFiles, TestReply, Woken},
    keeper::{Keeper, blocking::BlockingKeeper, waiting::AsyncKeeper},
    loaded::Loaded,
};

fn with<P: provisionhook_plugin_abi::ffi::Exported>(mode: &str) -> Loaded {
    Loaded::create::<P>(&format!(r#"{{"mode": "{mode}"}}"#)).unwrap()
}

fn assert_all_put(files: &TestFiles, reply: &TestReply) {
    assert_eq!(files.put[".config/name"], (0o644, false, b"demo".to_vec()));
    assert_eq!(files.put[".token"], (0o600, true, b"\0hush".to_vec()));
    assert_eq!((reply.again, &reply.fault), (Some(90_000), &None));
}

#[test]
fn files_are_put_and_the_next_call_is_asked_for() {
    let (mut files, mut reply) = (TestFiles::new(), TestReply::new());
    assert_eq!(
        with::<Keeper>("").contribute(&mut files, &mut reply),
        POLL_READY
    );
    assert_all_put(&files, &reply);
}

#[test]
fn a_blocking_call_waits_on_its_thread() {
    let (mut files, mut reply) = (TestFiles::new(), TestReply::new());
    assert_eq!(
        with::<BlockingKeeper>("sleep").contribute(&mut files, &mut reply),
        POLL_READY
    );
    assert_all_put(&files, &reply);
}

#[test]
fn an_async_call_goes_on_when_it_is_polled() {
    let (mut files, mut reply) = (TestFiles::new(), TestReply::new());
    let woken = Woken(AtomicUsize::new(0));
    let plugin = with::<AsyncKeeper>("sleep");
    assert_eq!(plugin.contribute(&mut files, &mut reply), POLL_PENDING);
    assert_eq!((files.put.len(), reply.again), (1, None));
    let mut op = Owned(reply.pending);
    assert_eq!(op.poll(&woken.waker()), POLL_READY);
    assert_all_put(&files, &reply);
}

#[test]
fn never_again_is_not_said() {
    let (mut files, mut reply) = (TestFiles::new(), TestReply::new());
    assert_eq!(
        with::<Keeper>("once").contribute(&mut files, &mut reply),
        POLL_READY
    );
    assert_eq!(reply.again, None);
}

#[test]
fn a_refused_file_is_a_config_fault() {
    let (mut files, mut reply) = (TestFiles::new(), TestReply::new());
    assert_eq!(
        with::<Keeper>("forbidden").contribute(&mut files, &mut reply),
        POLL_FAULT
    );
    let expected = (
        FaultKind::CONFIG,
        "the host refused to put the file \"forbidden\"".to_owned(),
        0,
    );
    assert_eq!((reply.fault, reply.again), (Some(expected), None));
}

#[test]
fn a_panic_is_caught_and_the_instance_poisoned_for_its_other_functions_too() {
    let (mut files, mut reply) = (TestFiles::new(), TestReply::new());
    let plugin = with::<Keeper>("panic");
    assert_eq!(plugin.contribute(&mut files, &mut reply), POLL_FAULT);
    let (kind, message, _) = reply.fault.take().unwrap();
    assert_eq!(
        (kind, message.as_str()),
        (
            FaultKind::PANICKED,
            "the plugin panicked: contribute panicked"
        )
    );
    assert_eq!(plugin.ended(&mut reply), POLL_FAULT);
    assert!(reply.fault.unwrap().1.contains("in an earlier call"));
}

#[test]
fn a_host_that_cannot_be_asked_to_call_again_gets_a_fault() {
    let (mut files, mut reply) = (TestFiles::new(), TestReply::of_0_2());
    assert_eq!(
        with::<Keeper>("").contribute(&mut files, &mut reply),
        POLL_FAULT
    );
    let (kind, message, _) = reply.fault.take().unwrap();
    assert_eq!(
        (kind, message.as_str()),
        (
            FaultKind::INTERNAL,
            "the host's reply takes no wish to be called again"
        )
    );
    assert_eq!(
        with::<Keeper>("once").contribute(&mut files, &mut reply),
        POLL_READY,
        "who does not ask is not concerned"
    );
}
