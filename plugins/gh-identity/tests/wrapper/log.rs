//! The log tells what was done, and nothing of what was said.

use std::fs;

use serde_json::Value;

use crate::bench::in_each_shell;

#[test]
fn a_line_tells_who_did_what_and_how_it_ended() {
    in_each_shell(|bench| {
        let bench = bench.with("MOLECULE_WORKSPACE_ID", "ws-0123456789");
        bench.given(&["-R", "o/r", "issue", "create", "--title", "t"]);
        let line: Value = serde_json::from_str(&bench.log()).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        assert_eq!(text("ts").len(), "2026-11-23T00:00:00Z".len());
        assert_eq!(
            ["role", "workspace_id", "owner", "verb"].map(text),
            ["Qa", "ws-0123456789", "alice", "issue create"]
        );
        assert_eq!(line["rc"], 3);
    });
}

#[test]
fn no_body_and_no_argument_is_in_it() {
    in_each_shell(|bench| {
        for arguments in [
            &[
                "issue",
                "create",
                "--title",
                "secret-title",
                "--body",
                "secret-body",
            ][..],
            &["secret-word"],
            &["secret-word", "secret-word"],
            &["api", "secret-path"],
            &["browse", "secret-file"],
            &["--flag", "secret-value", "issue", "create"],
            &["issue", "SECRET-argument"],
            &["pr", "secret argument"],
        ] {
            bench.given(arguments);
        }
        let seen = bench.run(b"secret-input", &["pr", "comment", "-F", "-"]);
        assert_eq!(seen.status, 3);
        let log = bench.log();
        assert_eq!(log.lines().count(), 9);
        assert!(!log.to_lowercase().contains("secret"), "{log}");
    });
}

#[test]
fn a_role_cannot_break_the_line() {
    in_each_shell(|bench| {
        let bench = bench.with("MOLECULE_AGENT_ROLE", "a\"b\\c\nd\u{1b}");
        bench.given(&["issue", "list"]);
        let line: Value = serde_json::from_str(&bench.log()).unwrap();
        assert_eq!(line["role"], "abcd");
    });
}

#[test]
fn a_log_that_cannot_be_written_is_done_without_and_a_long_one_is_moved() {
    in_each_shell(|bench| {
        fs::write(bench.path("gh.ndjson"), vec![b'x'; 1_100_000]).unwrap();
        bench.given(&["issue", "list"]);
        assert_eq!(bench.log().lines().count(), 1);
        assert_eq!(
            fs::metadata(bench.path("gh.ndjson.1")).unwrap().len(),
            1_100_000
        );
        let bench = bench.with("MOLECULE_GH_LOG", "/nonexistent/log");
        bench.given(&["issue", "list"]);
    });
}
