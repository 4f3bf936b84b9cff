//! Calls that end at once: edits, faults, tokens, panics, logs.

use fixture_greeter::Greeter;
use provisionhook_plugin_abi::wire::{FaultKind, LEVEL_INFO, POLL_FAULT, POLL_READY, Str};

use super::{
    handles::{TestEnv, TestReply},
    loaded::Loaded,
    plugins::{Busy, blocking::BlockingBusy},
};

#[test]
fn the_greeter_greets() {
    let plugin = Loaded::create::<Greeter>("{}").unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_READY);
    assert_eq!(env.value("GREETING"), Some("hello demo"));
}

#[test]
fn edits_go_through() {
    let plugin = Loaded::create::<Busy>(r#"{"mode": "x"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    env.variables
        .insert("SEEN".to_owned(), ("yes".to_owned(), false));
    env.variables
        .insert("GONE".to_owned(), ("no".to_owned(), false));
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_READY);
    assert_eq!(
        (env.value("MODE"), env.value("COPY"), env.value("GONE")),
        (Some("x"), Some("yes"), None)
    );
}

#[test]
fn a_refused_edit_is_a_config_fault() {
    let plugin = Loaded::create::<Busy>(r#"{"mode": "forbidden"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_FAULT);
    let expected = (
        FaultKind::CONFIG,
        "the host refused to set \"FORBIDDEN\"".to_owned(),
        0,
    );
    assert_eq!(reply.fault, Some(expected));
}

#[test]
fn an_inline_call_that_waits_is_a_fault() {
    let plugin = Loaded::create::<Busy>(r#"{"mode": "sleep"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_FAULT);
    let (kind, message, _) = reply.fault.unwrap();
    assert_eq!(kind, FaultKind::INTERNAL);
    assert!(message.contains("expected `execution: async`"), "{message}");
}

#[test]
fn a_blocking_call_waits_on_its_thread() {
    let plugin = Loaded::create::<BlockingBusy>(r#"{"mode": "sleep"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_READY);
    assert_eq!(env.variables["AFTER"], ("2".to_owned(), true));
}

#[test]
fn a_panic_is_caught_and_the_instance_poisoned() {
    let plugin = Loaded::create::<Busy>(r#"{"mode": "panic"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_FAULT);
    let expected = (
        FaultKind::PANICKED,
        "the plugin panicked: mutate panicked for ws-1".to_owned(),
        0,
    );
    assert_eq!(reply.fault.take(), Some(expected));

    assert_eq!(plugin.token(&[], &mut reply), POLL_FAULT);
    let (kind, message, _) = reply.fault.unwrap();
    assert_eq!(kind, FaultKind::PANICKED);
    assert!(message.contains("in an earlier call"), "{message}");
    assert_eq!(reply.token, None);
}

#[test]
fn a_token_is_handed_over() {
    let plugin = Loaded::create::<Busy>("{}").unwrap();
    let mut reply = TestReply::new();
    assert_eq!(
        plugin.token(const { &[Str::new("a/b"), Str::new("c/d")] }, &mut reply),
        POLL_READY
    );
    assert_eq!(
        reply.token,
        Some(("github.com a/b,c/d".to_owned(), 1234, "bot".to_owned()))
    );
}

#[test]
fn a_fault_carries_the_upstreams_delay() {
    let plugin = Loaded::create::<Busy>(r#"{"mode": "throttled"}"#).unwrap();
    let mut reply = TestReply::new();
    assert_eq!(plugin.token(&[], &mut reply), POLL_FAULT);
    assert_eq!(
        reply.fault,
        Some((FaultKind::TRANSIENT, "upstream throttles".to_owned(), 3000))
    );
}

#[test]
fn events_land_in_the_hosts_log() {
    let plugin = Loaded::create::<Busy>(r#"{"mode": "log"}"#).unwrap();
    let (mut env, mut reply) = (TestEnv::new(), TestReply::new());
    assert_eq!(plugin.mutate(&mut env, &mut reply), POLL_READY);
    let fields = [("workspace", "ws-1"), ("tries", "3"), ("span", "greeting")];
    let fields = fields
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    let expected = (
        LEVEL_INFO,
        "in_process::in_process::plugins".to_owned(),
        "hello log".to_owned(),
        fields,
    );
    assert_eq!(*plugin.host.logged.lock().unwrap(), [expected]);
}
