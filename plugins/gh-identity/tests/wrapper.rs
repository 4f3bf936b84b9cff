//! The wrapper script, run for real against a `gh` that shows what it was given.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

const BADGE: &str = "🤖 [Agent: Qa · ws-01234567]";

/// Prints each argument on a line of its own, and the content of a body file; exits with 3.
const FAKE_GH: &str = r#"#!/bin/sh
previous=
for argument in "$@"; do
  case $previous in
  -F | --body-file | --notes-file) if [ -f "$argument" ]; then printf 'file<%s>\n' "$(cat "$argument")"; continue; fi ;;
  esac
  printf '<%s>\n' "$argument"
  previous=$argument
done
exit 3
"#;

struct Bench {
    directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let fake = directory.path().join("real-gh");
        fs::write(&fake, FAKE_GH).unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory }
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("gh.ndjson")
    }

    /// What the real gh was given, one argument a line, and the exit status.
    fn run(&self, owner: &str, input: &str, arguments: &[&str]) -> (String, i32) {
        let mut child = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/wrapper/gh"))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", self.directory.path())
            .env("MOLECULE_GH_REAL", self.directory.path().join("real-gh"))
            .env("MOLECULE_GH_LOG", self.log())
            .env("MOLECULE_AGENT_ROLE", "Qa")
            .env("MOLECULE_OWNER", owner)
            .env("MOLECULE_ATTRIBUTION_BADGE", BADGE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            output.status.code().unwrap(),
        )
    }

    fn arguments(&self, owner: &str, arguments: &[&str]) -> String {
        self.run(owner, "", arguments).0
    }
}

#[test]
fn a_body_gets_the_badge_in_every_spelling() {
    let bench = Bench::new();
    for spelling in [
        &["--body", "hi"][..],
        &["--body=hi"],
        &["-b", "hi"],
        &["-bhi"],
        &["-b=hi"],
    ] {
        let arguments = [
            &["-R", "o/r", "issue", "create", "--title", "a b"],
            spelling,
        ]
        .concat();
        let seen = bench.arguments("alice", &arguments);
        assert!(
            seen.contains(&format!("{BADGE}\n\nhi>")),
            "{spelling:?}: {seen}"
        );
        assert!(
            seen.starts_with("<-R>\n<o/r>\n<issue>\n<create>\n<--title>\n<a b>\n"),
            "{seen}"
        );
    }
}

#[test]
fn a_body_file_gets_the_badge_and_is_not_left_behind() {
    let bench = Bench::new();
    let file = bench.directory.path().join("body.md");
    fs::write(&file, "from a file\n").unwrap();
    let seen = bench.arguments("", &["pr", "create", "--body-file", file.to_str().unwrap()]);
    assert!(
        seen.contains(&format!("file<{BADGE}\n\nfrom a file>")),
        "{seen}"
    );
    let (seen, _) = bench.run("", "from standard input", &["pr", "create", "-F", "-"]);
    assert!(
        seen.contains(&format!("file<{BADGE}\n\nfrom standard input>")),
        "{seen}"
    );
    let left: Vec<_> = fs::read_dir(bench.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().starts_with("gh-body")),
        "{left:?}"
    );
}

#[test]
fn an_edit_does_not_add_the_badge_twice() {
    let bench = Bench::new();
    let body = format!("{BADGE}\n\nas it was");
    let seen = bench.arguments("", &["issue", "edit", "7", "--body", &body]);
    assert_eq!(seen.matches(BADGE).count(), 1, "{seen}");
}

#[test]
fn what_publishes_nothing_is_left_alone() {
    let bench = Bench::new();
    for arguments in [
        &["api", "-F", "body=x", "/path"][..],
        &["issue", "list", "--body", "x"],
        &["pr", "review", "-a"],
    ] {
        let expected: String = arguments
            .iter()
            .map(|argument| format!("<{argument}>\n"))
            .collect();
        let seen = bench.arguments("alice", arguments);
        assert_eq!(seen, expected);
    }
}

#[test]
fn me_becomes_the_owner_or_is_dropped() {
    let bench = Bench::new();
    let create = bench.arguments("alice", &["issue", "create", "-a", "@me,bob"]);
    assert_eq!(create, "<issue>\n<create>\n<-a>\n<alice,bob>\n");
    let edit = bench.arguments("alice", &["issue", "edit", "7", "--add-assignee=@me"]);
    assert_eq!(edit, "<issue>\n<edit>\n<7>\n<--add-assignee>\n<alice>\n");
    let dropped = bench.arguments(
        "",
        &["issue", "create", "--assignee", "@me", "--title", "t"],
    );
    assert_eq!(dropped, "<issue>\n<create>\n<--title>\n<t>\n");
}

#[test]
fn the_exit_status_is_kept_and_the_log_holds_no_body_and_no_argument() {
    let bench = Bench::new();
    let (_, status) = bench.run(
        "alice",
        "",
        &[
            "issue",
            "create",
            "--title",
            "SECRET-title",
            "--body",
            "SECRET-body",
        ],
    );
    assert_eq!(status, 3);
    bench.arguments("alice", &["api", "/SECRET-path"]);
    let log = fs::read_to_string(bench.log()).unwrap();
    assert!(!log.contains("SECRET"), "{log}");
    let first: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(
        (first["verb"].as_str(), first["rc"].as_i64()),
        (Some("issue create"), Some(3))
    );
    assert_eq!(
        first["ts"].as_str().unwrap().len(),
        "2026-11-23T00:00:00Z".len()
    );
}
