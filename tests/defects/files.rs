//! `file-contributor/1`: what plugins put, and what they put wrongly.

use std::time::Duration;

use provisionhook_host::{capability::Again, fault::FaultKind};

use crate::{
    AUTHOR,
    booted::PATIENCE,
    world::{World, until},
};

#[test]
fn files_arrive_as_they_were_put() {
    let world = World::with(&["puts", "libfixture_prober"]);
    let (files, again) = world.contribute("puts", PATIENCE).unwrap();
    let seen: Vec<_> = files
        .iter()
        .map(|file| (file.path.as_str(), file.mode, file.secret, &file.bytes[..]))
        .collect();
    assert_eq!(
        seen,
        [
            (".fixture/name", 0o644, false, &b""[..]),
            (".fixture/token", 0o600, true, b"\0hush"),
        ]
    );
    assert_eq!(again, Again(Some(Duration::from_secs(90))));
    let (files, again) = world.contribute("fixture-prober", PATIENCE).unwrap();
    assert_eq!(
        (files[0].path.as_str(), &files[0].bytes[..]),
        (".fixture/probe", &b"w1"[..])
    );
    assert_eq!(again, Again(None));
}

#[test]
fn a_breach_of_the_contract_is_an_internal_fault_of_that_call() {
    let expected = [
        (
            "bad_utf8_path",
            "called files->put with a path that is not UTF-8 at byte 2",
        ),
        (
            "null_content",
            "called files->put with content that is null but has a length of 5",
        ),
        (
            "short_file",
            "called files->put with a file that has a struct_size of 8, expected at least 48",
        ),
        ("null_file", "called files->put with a file that is null"),
    ];
    let fixtures: Vec<_> = expected.iter().map(|(fixture, _)| *fixture).collect();
    let world = World::with(&fixtures);
    for (fixture, sentence) in expected {
        let fault = world
            .contribute(&fixture.replace('_', "-"), PATIENCE)
            .unwrap_err();
        assert_eq!(
            (fault.kind, fault.message),
            (
                FaultKind::Internal,
                format!("contribute {sentence}; {AUTHOR}")
            ),
            "{fixture}"
        );
    }
}

#[test]
fn a_file_that_is_not_declared_fails_the_call_whatever_the_plugin_returns() {
    let world = World::with(&["puts_undeclared"]);
    let fault = world.contribute("puts-undeclared", PATIENCE).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert_eq!(
        fault.message,
        "expected a file that is declared and granted (.fixture/*), found \".ssh/authorized_keys\"; declare it in the \
         manifest, or grant it in the policy"
    );
}

#[test]
fn a_blocking_call_that_is_too_late_puts_nothing() {
    let world = World::with(&["puts_late"]);
    let fault = world
        .contribute("puts-late", Duration::from_millis(20))
        .unwrap_err();
    assert_eq!(fault.message, "given up");
    until("the late call has ended", || {
        world.condition("puts-late").threads_busy == 0
    });
    let (files, again) = world.contribute("puts-late", PATIENCE).unwrap();
    assert_eq!(files[0].bytes[..], *b"late");
    assert_eq!(again, Again(None));
}
