//! A directory with a `gh` that shows what it was given, and the wrapper in front of it.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

pub(crate) const BADGE: &str = "🤖 [Agent: Qa · ws-01234567]";
const WRAPPER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wrapper/gh");

/// The shells that stand behind `/bin/sh` in images: Debian's, everybody's, Alpine's.
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "sh"]];

/// Shows each argument as `<…>` and files as `file<…>`, both to the last byte; has one alias; exits with 3.
const GH: &str = r#"#!/bin/sh
[ "$*" != 'alias list' ] || { printf 'bug:\tissue create --label bug\nrevue: pr review\nshell:\t!rm -rf /\ni: issue\n'; exit; }
printf 'token<%s> enterprise<%s>\n' "${GH_TOKEN-unset}" "${GH_ENTERPRISE_TOKEN-unset}" >&2
previous=
for argument in "$@"; do
  case $previous in
  -F | --body-file | --notes-file) if [ -f "$argument" ]; then printf 'file<'; cat "$argument"; printf '>\n'; continue; fi ;;
  esac
  printf '<%s>\n' "$argument"
  previous=$argument
done
exit 3
"#;

pub(crate) struct Bench {
    pub(crate) directory: TempDir,
    shell: &'static [&'static str],
    variables: Vec<(String, String)>,
}

/// What the real gh was given on its standard output, and what the wrapper added.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    pub(crate) status: i32,
}

/// Runs the test with each shell.
pub(crate) fn in_each_shell(test: impl Fn(Bench)) {
    for shell in SHELLS {
        let directory = tempfile::tempdir().unwrap();
        let bench = Bench {
            directory,
            shell,
            variables: Vec::new(),
        };
        bench.program("real-gh", GH);
        test(
            bench
                .with("MOLECULE_AGENT_ROLE", "Qa")
                .with("MOLECULE_ATTRIBUTION_BADGE", BADGE)
                .with("MOLECULE_OWNER", "alice"),
        );
    }
}

impl Bench {
    /// With another variable, in place of one of the same name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("gh.ndjson")).unwrap_or_default()
    }

    pub(crate) fn program(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Another copy of the wrapper.
    pub(crate) fn copy_of_wrapper(&self, name: &str) -> PathBuf {
        self.program(name, fs::read(WRAPPER).unwrap())
    }

    pub(crate) fn run(&self, input: &[u8], arguments: &[&str]) -> Seen {
        self.run_as(Path::new(WRAPPER), input, arguments)
    }

    pub(crate) fn run_as(&self, wrapper: &Path, input: &[u8], arguments: &[&str]) -> Seen {
        let mut child = Command::new(self.shell[0])
            .args(&self.shell[1..])
            .arg(wrapper)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.directory.path())
            .env("TMPDIR", self.directory.path())
            .env("MOLECULE_GH_REAL", self.path("real-gh"))
            .env("MOLECULE_GH_LOG", self.path("gh.ndjson"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A wrapper that does not read has ended, perhaps.
        drop(child.stdin.take().unwrap().write_all(input));
        let output = child.wait_with_output().unwrap();
        Seen {
            out: output.stdout,
            err: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().unwrap(),
        }
    }

    /// What the real gh was given. It must have been called, and nothing must have been said but by it.
    #[track_caller]
    pub(crate) fn given(&self, arguments: &[&str]) -> String {
        let seen = self.run(b"", arguments);
        assert_eq!(seen.status, 3, "{:?} {arguments:?}: {seen:?}", self.shell);
        assert_eq!(
            seen.err.lines().count(),
            1,
            "{:?} {arguments:?}: {seen:?}",
            self.shell
        );
        String::from_utf8(seen.out).unwrap()
    }

    /// It was given exactly this.
    #[track_caller]
    pub(crate) fn expect(&self, arguments: &[&str], expected: &[&str]) {
        let shown: String = expected
            .iter()
            .map(|argument| format!("<{argument}>\n"))
            .collect();
        assert_eq!(
            self.given(arguments),
            shown,
            "{:?} {arguments:?}",
            self.shell
        );
    }

    /// Nothing was changed.
    #[track_caller]
    pub(crate) fn expect_untouched(&self, arguments: &[&str]) {
        self.expect(arguments, arguments);
    }
}

/// A text as it is published.
pub(crate) fn attributed(text: &str) -> String {
    format!("{BADGE}\n\n{text}")
}
