//! Plugins that load, and break the contract when they are called.

use std::time::Duration;

use provisionhook_host::{
    fault::FaultKind,
    policy::{PluginPolicy, Policy},
};

use crate::{
    AUTHOR,
    booted::PATIENCE,
    world::{World, until},
};

#[test]
fn a_breach_of_the_contract_is_an_internal_fault_of_that_call() {
    let expected = [
        (
            "bad_poll_code",
            "mutate returned the poll code 7, expected 0 (ready), 1 (pending) or 2 (fault)",
        ),
        (
            "fault_unsaid",
            "mutate returned a fault without saying which; expected it to call reply->fault",
        ),
        (
            "inline_pending",
            "mutate returned pending, which the execution class inline in its manifest forbids",
        ),
        (
            "pending_without_op",
            "mutate returned pending without an operation; expected it to call reply->pending",
        ),
        (
            "op_without_poll",
            "mutate handed over an operation without the function poll",
        ),
        ("two_ops", "mutate handed over two operations"),
        (
            "token_unasked",
            "mutate handed over a token, which nobody asked for",
        ),
        (
            "again_in_mutate",
            "mutate asked to be called again, which only contribute and tend may",
        ),
        (
            "bad_utf8_fault",
            "mutate handed over a fault whose message is not UTF-8 at byte 2",
        ),
        (
            "null_value",
            "mutate called env->set with a value that is null but has a length of 5",
        ),
        (
            "endless_value",
            "mutate called env->set with a value that has a length of 18446744073709551615, more than any memory holds",
        ),
    ];
    let fixtures: Vec<_> = expected
        .iter()
        .map(|(fixture, _)| *fixture)
        .chain(["ok"])
        .collect();
    let world = World::with(&fixtures);
    for (fixture, sentence) in expected {
        let fault = world.mutate(&fixture.replace('_', "-")).unwrap_err();
        assert_eq!(
            (fault.kind, fault.message),
            (FaultKind::Internal, format!("{sentence}; {AUTHOR}")),
            "{fixture}"
        );
    }
    assert_eq!(world.mutate("ok"), Ok(Some("ok".to_owned())));
}

#[test]
fn an_unknown_kind_of_fault_counts_as_internal() {
    let fault = World::with(&["unknown_fault"])
        .mutate("unknown-fault")
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Internal);
    assert_eq!(
        fault.message,
        "something new (of the unknown fault kind 99)"
    );
}

#[test]
fn a_token_is_handed_over_once() {
    let world = World::with(&["token_twice", "token_none"]);
    let fault = world.token("token-twice").unwrap_err();
    assert_eq!(
        fault.message,
        format!("token handed over a token twice; {AUTHOR}")
    );
    let fault = world.token("token-none").unwrap_err();
    assert_eq!(
        fault.message,
        format!("token returned ready without a token; expected it to call reply->token; {AUTHOR}")
    );
}

#[test]
fn what_cannot_be_in_an_environment_fails_the_call_whatever_the_plugin_returns() {
    let world = World::with(&["forbidden_key", "bad_utf8", "nul_value", "huge_value"]);
    for (name, part) in [
        ("forbidden-key", "LD_PRELOAD"),
        ("bad-utf8", "UTF-8"),
        ("nul-value", "NUL"),
        ("huge-value", "67108864"),
    ] {
        let fault = world.mutate(name).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Config, "{name}");
        assert!(fault.message.contains(part), "{name}: {fault}");
    }
}

#[test]
fn an_operation_is_polled_until_it_is_ready_and_dropped_when_it_never_is() {
    let world = World::with(&["completes_later", "never_completes"]);
    assert_eq!(
        world.mutate("completes-later"),
        Ok(Some("later".to_owned()))
    );
    let fault = world
        .mutate_within("never-completes", Duration::from_millis(50))
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::TimedOut);
}

#[test]
fn a_plugin_that_panicked_gets_a_new_instance() {
    let world = World::with(&["panics"]);
    let fault = world.mutate("panics").unwrap_err();
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::Panicked, "panicked at first")
    );
    assert!(world.condition("panics").panicked);
    assert_eq!(world.mutate("panics"), Ok(Some("rebuilt".to_owned())));
    let condition = world.condition("panics");
    assert_eq!((condition.rebuilds, condition.panicked), (1, false));
}

#[test]
fn a_blocking_call_runs_on_a_thread_of_its_own() {
    let world = World::with(&["slow_blocking"]);
    assert_eq!(world.mutate("slow-blocking"), Ok(Some("slow".to_owned())));
    assert_eq!(world.condition("slow-blocking").threads, 4);
}

#[test]
fn when_every_thread_is_stuck_a_call_is_refused_at_once() {
    let mut policy = Policy::default();
    let two = PluginPolicy {
        threads: Some(2),
        ..PluginPolicy::default()
    };
    policy.plugins.insert("stuck-blocking".to_owned(), two);
    let world = World::under(&["stuck_blocking"], &policy, PATIENCE);
    for _ in 0..2 {
        let fault = world
            .mutate_within("stuck-blocking", Duration::from_millis(20))
            .unwrap_err();
        assert_eq!(fault.message, "given up");
    }
    until("both threads are stuck", || {
        world.condition("stuck-blocking").threads_stuck == 2
    });
    let fault = world.mutate("stuck-blocking").unwrap_err();
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert!(
        fault.message.starts_with("2 of 2 threads are stuck, "),
        "{fault}"
    );
}
