//! `workspace-lifecycle/1`, and `state/1` as plugins in C use and misuse it.

use std::time::Duration;

use provisionhook_host::{capability::Again, fault::FaultKind};

use crate::{AUTHOR, logged, world::World};

#[test]
fn a_wish_to_be_called_at_once_waits_a_second() {
    let world = World::with(&["tends"]);
    assert_eq!(
        world.tend("tends", "w"),
        Ok(Again(Some(Duration::from_secs(1))))
    );
    let fault = world.ended("tends").unwrap_err();
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::Transient, "upstream is down")
    );
}

#[test]
fn nobody_is_called_again_for_a_workspace_that_has_gone() {
    let fault = World::with(&["again_when_ended"])
        .ended("again-when-ended")
        .unwrap_err();
    assert_eq!(
        (fault.kind, fault.message),
        (
            FaultKind::Internal,
            format!("ended asked to be called again, which only contribute and tend may; {AUTHOR}")
        )
    );
}

#[test]
fn a_plugin_in_c_keeps_a_value_from_call_to_call_and_takes_it_away() {
    let world = World::with(&["keeps", "libfixture_prober"]);
    let count = || world.tend("keeps", "w").unwrap_err();
    for expected in ["x", "xx", "xxx"] {
        let fault = count();
        assert_eq!(
            (fault.kind, fault.message.as_str()),
            (FaultKind::Denied, expected)
        );
    }
    world.ended("keeps").unwrap();
    world.ended("keeps").unwrap();
    assert_eq!(count().message, "x");
    for expected in [1, 2] {
        assert_eq!(
            world.tend("fixture-prober", "w"),
            Ok(Again(Some(Duration::from_secs(expected)))),
            "another plugin does not see it"
        );
    }
}

#[test]
fn what_is_wrong_with_a_use_of_the_state_is_an_internal_fault() {
    let world = World::with(&["keeps"]);
    let report = "report it to its author";
    for (wrong, sentence) in [
        (
            "bad key",
            "expected a state key of 1 to 128 lower-case letters, digits, `.`, `_` and `-`, a letter or digit in front, \
             found one of 8 bytes that is not; report it to the plugin's author"
                .to_owned(),
        ),
        (
            "not UTF-8",
            format!("the plugin passed state/1 a key that is not UTF-8 at byte 0; {report}"),
        ),
        (
            "null value",
            format!("the plugin passed state/1 a value that is null but has a length of 1; {report}"),
        ),
        (
            "long value",
            format!(
                "the plugin passed state/1 a value that has a length of 9223372036854775808, more than any memory holds; {report}"
            ),
        ),
    ] {
        let fault = world.tend("keeps", wrong).unwrap_err();
        assert_eq!(
            (fault.kind, fault.message),
            (FaultKind::Internal, sentence),
            "{wrong}"
        );
    }
}

#[test]
fn a_sink_that_cannot_be_called_fails_the_operation_and_the_log_says_why() {
    logged::start();
    let world = World::with(&["keeps"]);
    for (wrong, sentence) in [
        ("null sink", "that is null"),
        ("half sink", "without the function fault"),
        (
            "small sink",
            "whose table has a struct_size of 8, expected at least 24",
        ),
    ] {
        let fault = world.tend("keeps", wrong).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Internal, "the plugin cannot say why");
        let sentence = format!(
            "the plugin passed state/1 a sink {sentence}; the operation fails: report it to the plugin's author"
        );
        assert_eq!(logged::lines_with(&sentence).len(), 1, "{sentence}");
    }
}
