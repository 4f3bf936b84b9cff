//! A plugin in C that puts files and hears of ends, behind the real binary.

use std::{fs, os::unix::fs::PermissionsExt as _};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    platform::Platform,
    world::{ADMIN, World, until},
};

const FIRST: &str = "first-token-of-the-plugin\n";
const SECOND: &str = "second-token-of-the-plugin\n";

fn world() -> World {
    let world = World::bare();
    world.write("secret", FIRST, 0o600);
    let paths = [("SECRET", "secret"), ("LEDGER", "ledger")];
    world.install_c("40-cares.so", "cares", &paths);
    world
}

/// The workspaces that the plugin has heard the end of.
fn ledger(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.path("ledger")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn files_are_there_at_the_first_instruction_kept_fresh_and_taken_away() {
    let world = world();
    let platform = world.serve();
    let script = "hello; stat -c %a .config/token; cat .config/token; \
                  while ! grep -q second .config/token; do sleep 0.05; done; cat .config/token; sleep 600";
    let workspace = platform.provision(&["sh", "-c", script]);
    until("the first token", || {
        platform.output(&workspace.id).contains(FIRST)
    });
    assert_eq!(
        platform.output(&workspace.id),
        format!("hello from the plugin\n600\n{FIRST}")
    );
    let shown = platform.show(&workspace.id);
    assert_shows_the_files(&shown);
    world.write("secret", SECOND, 0o600);
    until("the second token", || {
        platform.output(&workspace.id).contains(SECOND)
    });
    let home = world
        .path("state/workspaces")
        .join(&workspace.id)
        .join("work");
    platform
        .post(&format!("/workspaces/{}/stop", workspace.id), "")
        .expect(200);
    assert!(!home.join(".config/token").exists());
    assert!(home.join(".local/bin/hello").exists());
    assert_eq!(ledger(&world), std::slice::from_ref(&workspace.id));
    let log = platform.log();
    for line in [
        "files of a running workspace replaced",
        "files=\".config/token\"",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    for secret in [FIRST, SECOND] {
        let secret = secret.trim();
        assert!(!log.contains(secret) && !shown.to_string().contains(secret));
    }
    platform.delete(&workspace.id);
    assert_eq!(ledger(&world), [workspace.id]);
}

fn assert_shows_the_files(shown: &Value) {
    let files: Vec<_> = shown["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                &file["path"],
                &file["mode"],
                &file["secret"],
                &file["set_by"],
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            (
                &json!(".local/bin/hello"),
                &json!("0755"),
                &json!(false),
                &json!("plugin cares")
            ),
            (
                &json!(".config/token"),
                &json!("0600"),
                &json!(true),
                &json!("plugin cares")
            )
        ]
    );
}

#[test]
fn a_workspace_that_lives_through_a_kill_is_kept_by_the_next_platform() {
    let world = world();
    let platform = world.serve();
    let workspace = platform.provision(&["sleep", "600"]);
    platform.end(Signal::KILL);
    world.write("secret", SECOND, 0o600);
    let platform = world.serve();
    let token = world
        .path("state/workspaces")
        .join(&workspace.id)
        .join("work/.config/token");
    until("the token to be fresh", || {
        fs::read_to_string(&token).unwrap() == SECOND
    });
    let mode = fs::metadata(&token).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(ledger(&world), [""; 0], "it still runs");
    platform.delete(&workspace.id);
    assert_eq!(ledger(&world), [workspace.id]);
}

#[test]
fn a_platform_that_is_killed_in_the_chain_is_paid_for_once() {
    let world = world();
    world.install_gate();
    let platform = world.serve();
    let url = format!("{}/workspaces", platform.url);
    let request = json!({"id": "ws-cut-off", "command": ["true"]}).to_string();
    std::thread::scope(|scope| {
        let cut_off = scope.spawn(|| {
            let body = request.clone().into_bytes();
            let sent = crate::api::exchange(&world.client, Method::POST, &url, ADMIN, body);
            world.runtime.block_on(sent)
        });
        world.wait_at_gate();
        platform.end(Signal::KILL);
        assert!(cut_off.join().unwrap().is_err());
    });
    assert_eq!(ledger(&world), [""; 0]);
    paid_once(&world, "ws-cut-off");
}

#[test]
fn a_workspace_that_ends_while_no_platform_runs_is_told_of_once() {
    let world = world();
    let platform = world.serve();
    let script = format!(
        "until [ -e {} ]; do sleep 0.05; done",
        world.path("go").display()
    );
    let workspace = platform.provision(&["sh", "-c", &script]);
    platform.end(Signal::KILL);
    world.write("go", "", 0o600);
    let directory = world.path("state/workspaces").join(&workspace.id);
    until("the workspace to end", || {
        directory.join("exit.json").exists()
    });
    assert!(directory.join("work/.config/token").exists());
    paid_once(&world, &workspace.id);
    assert!(!directory.join("work/.config/token").exists());
}

/// The next platform tells the plugin, and the one after that does not.
fn paid_once(world: &World, id: &str) {
    let settled = |platform: &Platform<'_>| {
        let metrics = platform.get("/metrics").text;
        metrics.contains("provisionhook_ends_owed 0\n")
    };
    for _ in 0..2 {
        let platform = world.serve();
        until("the plugin to hear", || ledger(world) == [id]);
        until("nothing to be owed", || settled(&platform));
        platform.end(Signal::TERM);
    }
    assert_eq!(ledger(world), [id]);
}

#[test]
fn explain_shows_the_files_and_puts_none() {
    let world = world();
    let said = world.run(&["explain"]);
    for line in [
        "plugin cares (files): applied",
        "+ $HOME/.local/bin/hello 0755, 37 bytes    (put by plugin cares)",
        "+ $HOME/.config/token 0600 secret, 26 bytes    (put by plugin cares)",
        "PATH=$HOME/.local/bin:/usr/local/bin:/usr/bin:/bin    (set by platform)",
    ] {
        said.expect(0, line);
    }
    let json = world.run(&["explain", "--json"]);
    json.expect(0, "\"path\": \".config/token\"");
    for said in [said, json] {
        assert!(!said.out.contains(FIRST.trim()), "{said:#?}");
    }
    assert_eq!(ledger(&world), [""; 0]);
}

#[test]
fn a_command_in_the_foreground_has_the_files_in_a_home_of_its_own() {
    let world = world();
    let script = "hello; cat $HOME/.config/token; pwd; ls -A";
    let said = world.run(&["run", "--", "sh", "-c", script]);
    said.expect(0, &format!("hello from the plugin\n{FIRST}"));
    let here = world.directory.path().canonicalize().unwrap();
    assert!(said.out.contains(here.to_str().unwrap()), "{said:#?}");
    assert!(!said.out.contains(".config"), "{said:#?}");
    assert!(!world.path(".config").exists());
    assert_eq!(ledger(&world).len(), 1, "the plugin has heard of its end");
}
