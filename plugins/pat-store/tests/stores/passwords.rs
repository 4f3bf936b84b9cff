//! The real `pass` with a real GnuPG, and Debian's `gopass`, which is another program of the same habits.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use provisionhook_host::fault::FaultKind;
use provisionhook_provider_kit_testing::Directory;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::{directory, refusal, set, token};

/// A home with a key and a store in it. Its agent is ended with it.
struct Home(TempDir);

impl Home {
    fn new(passphrase: &str) -> Self {
        // GnuPG's sockets need a short path.
        let home = Self(
            tempfile::Builder::new()
                .prefix("ph")
                .tempdir_in("/tmp")
                .unwrap(),
        );
        let gnupg = home.path().join(".gnupg");
        fs::create_dir(&gnupg).unwrap();
        fs::set_permissions(&gnupg, fs::Permissions::from_mode(0o700)).unwrap();
        home.run(
            "gpg",
            &[
                "--batch",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                passphrase,
                "--quick-generate-key",
                "Store <store@example.com>",
                "default",
                "default",
                "never",
            ],
            "",
        );
        home.run("pass", &["init", "store@example.com"], "");
        home.run(
            "pass",
            &["insert", "--multiline", "ci/npm"],
            "npm_x y\nuser: bot\n",
        );
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) {
        use std::io::Write as _;
        let mut child = Command::new(program)
            .args(arguments)
            .env("HOME", self.path())
            .env_remove("GNUPGHOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; install pass, gopass and gnupg"));
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let ended = child.wait_with_output().unwrap();
        assert!(
            ended.status.success(),
            "{program}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }

    fn config(&self, program: &str, secret: &str) -> Value {
        json!({
            "command": { "kind": "pass", "program": program, "env": { "HOME": self.path() } },
            "inject": { "NPM_TOKEN": secret }, "token": secret,
        })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let ended = Command::new("gpgconf")
            .args(["--kill", "gpg-agent"])
            .env("HOME", self.path())
            .status();
        assert!(ended.is_ok_and(|ended| ended.success()));
    }
}

fn lines(directory: &Directory, config: &Value) -> Vec<String> {
    set(&directory.load(config).unwrap()).unwrap()
}

#[test]
fn pass_shows_the_first_line() {
    let (home, directory) = (Home::new(""), directory());
    assert_eq!(
        lines(&directory, &home.config("pass", "ci/npm")),
        ["*NPM_TOKEN=npm_x y"]
    );
    let plugin = directory
        .load(&home.config("/usr/bin/pass", "ci/npm"))
        .unwrap();
    assert_eq!(token(&plugin, "any").unwrap().0, "npm_x y");
}

#[test]
fn debians_gopass_does_as_pass_does() {
    let (home, directory) = (Home::new(""), directory());
    assert_eq!(
        lines(&directory, &home.config("/usr/bin/gopass", "ci/npm")),
        ["*NPM_TOKEN=npm_x y"]
    );
}

#[test]
fn what_is_not_there_or_not_to_be_opened_is_told_apart() {
    let (home, directory) = (Home::new(""), directory());
    let fault = set(&directory.load(&home.config("pass", "ci/none")).unwrap()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(
        fault
            .message
            .contains("expected a secret named `ci/none`, found none"),
        "{fault}"
    );
    let mut elsewhere = home.config("pass", "ci/npm");
    let empty = tempfile::tempdir().unwrap();
    fs::set_permissions(empty.path(), fs::Permissions::from_mode(0o700)).unwrap();
    elsewhere["command"]["env"]["GNUPGHOME"] = json!(empty.path());
    let refused = refusal(&directory, &elsewhere);
    assert!(
        refused.contains("no secret key that opens the store"),
        "{refused}"
    );
}

#[test]
fn a_key_with_a_passphrase_is_told_at_boot() {
    let (home, directory) = (Home::new("correct horse"), directory());
    home.run("gpgconf", &["--kill", "gpg-agent"], "");
    let refused = refusal(&directory, &home.config("pass", "ci/npm"));
    assert!(
        refused.contains("pass does not work") || refused.contains("still running"),
        "{refused}"
    );
}
