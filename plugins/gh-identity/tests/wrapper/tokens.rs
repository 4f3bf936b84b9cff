//! Each call has a fresh token, if the workspace is one of a platform.

use crate::bench::{Bench, in_each_shell};

/// What the platform's credential helper is for git, except that it counts.
const HELPER: &str = r#"#!/bin/sh
[ "$4" = get ] || exit 0
echo >>"$0.calls"
count=$(grep -c '' "$0.calls")
[ ! -e "$0.down" ] || { echo 'provisionhook: the platform answered 503: not now' >&2; exit 1; }
printf 'username=x-access-token\npassword=fresh-%s\npassword_expiry_utc=9999999999\n' "$count"
"#;

/// A workspace whose platform serves github.com and git.example.com.
fn in_a_workspace(bench: Bench) -> Bench {
    let helper = bench.program("helper", HELPER);
    let helper = format!("!'{}' credential-helper --host x", helper.display());
    let entries = [
        ("credential.https://github.com.helper", ""),
        ("credential.https://github.com.helper", &helper),
        ("credential.https://git.example.com.helper", &helper),
        (
            "credential.https://other.example.com.helper",
            "!gh auth git-credential",
        ),
    ];
    let count = entries.len().to_string();
    let mut bench = bench
        .with("GIT_CONFIG_COUNT", &count)
        .with("PROVISIONHOOK_TOKEN", "phw_own")
        .with("GH_TOKEN", "old")
        .with("GH_ENTERPRISE_TOKEN", "old-one");
    for (number, (key, value)) in entries.into_iter().enumerate() {
        bench = bench
            .with(&format!("GIT_CONFIG_KEY_{number}"), key)
            .with(&format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    bench
}

#[track_caller]
fn expect(bench: &Bench, arguments: &[&str], tokens: &str) {
    let seen = bench.run(b"", arguments);
    assert_eq!(
        (seen.err.trim_end(), seen.status),
        (tokens, 3),
        "{arguments:?}"
    );
}

#[test]
fn each_call_has_a_token_of_its_own_in_place_of_the_old_one() {
    in_each_shell(|bench| {
        let bench = in_a_workspace(bench);
        expect(
            &bench,
            &["issue", "list"],
            "token<fresh-1> enterprise<old-one>",
        );
        expect(
            &bench,
            &["issue", "create", "--body", "hi"],
            "token<fresh-2> enterprise<old-one>",
        );
        let seen = bench.run(b"", &["api", "/user"]);
        assert!(!String::from_utf8(seen.out).unwrap().contains("fresh"));
        assert!(!bench.log().contains("fresh"));
        let no_role = bench.with("MOLECULE_AGENT_ROLE", "");
        expect(
            &no_role,
            &["issue", "list"],
            "token<fresh-4> enterprise<old-one>",
        );
    });
}

#[test]
fn another_host_has_its_own() {
    in_each_shell(|bench| {
        let bench = in_a_workspace(bench);
        let its = |number: u32| format!("token<old> enterprise<fresh-{number}>");
        expect(
            &bench,
            &["api", "--hostname", "git.example.com", "/user"],
            &its(1),
        );
        expect(
            &bench,
            &["api", "--hostname=git.example.com", "/user"],
            &its(2),
        );
        expect(
            &bench,
            &["issue", "list", "-R", "git.example.com/o/r"],
            &its(3),
        );
        expect(
            &bench,
            &["-Rhttps://git.example.com/o/r", "issue", "list"],
            &its(4),
        );
        expect(
            &bench,
            &["issue", "list", "-R", "o/r"],
            "token<fresh-5> enterprise<old-one>",
        );
        let bench = bench.with("GH_HOST", "git.example.com");
        expect(&bench, &["issue", "list"], &its(6));
        let bench = bench.with("GH_REPO", "github.com/o/r");
        expect(
            &bench,
            &["issue", "list"],
            "token<fresh-7> enterprise<old-one>",
        );
    });
}

#[test]
fn without_a_fresh_one_it_says_so_on_one_line_and_goes_on() {
    in_each_shell(|bench| {
        let bench = in_a_workspace(bench);
        bench.program("helper.down", "");
        let seen = bench.run(b"", &["issue", "list"]);
        let (line, rest) = seen.err.split_once('\n').unwrap();
        assert_eq!(
            line,
            "gh: no fresh token for github.com from the platform \
             (provisionhook: the platform answered 503: not now); going on with the one that is there"
        );
        assert_eq!(rest, "token<old> enterprise<old-one>\n");
        assert_eq!(seen.status, 3);
    });
}

#[test]
fn nobody_is_asked_where_nobody_answers() {
    in_each_shell(|bench| {
        let bench = in_a_workspace(bench);
        let old = "token<old> enterprise<old-one>";
        for arguments in [
            // No token is needed, or it would be in the way.
            &["--version"][..],
            &["help", "issue"],
            &["config", "list"],
            &["auth", "login", "--with-token"],
            &["auth", "logout"],
            &["auth", "git-credential", "get"],
            // The platform serves no such host. For the second git would ask gh, which would ask git.
            &["issue", "list", "-R", "elsewhere.example.com/o/r"],
            &["issue", "list", "-R", "other.example.com/o/r"],
        ] {
            expect(&bench, arguments, old);
        }
        let kept = bench.with("MOLECULE_GH_KEEP_TOKEN", "yes");
        expect(&kept, &["issue", "list"], old);
        let elsewhere = kept
            .with("MOLECULE_GH_KEEP_TOKEN", "")
            .with("PROVISIONHOOK_TOKEN", "");
        expect(&elsewhere, &["issue", "list"], old);
        assert!(!elsewhere.path("helper.calls").exists());
    });
}
