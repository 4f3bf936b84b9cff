//! Disks for workspaces that are really full.

use std::{
    fs::File,
    io::{self, Write as _},
};

use serde_json::json;

use crate::{
    daemon::{Daemon, Make},
    docker,
    world::World,
};

const HOMES: &str = "state/workspaces";

fn with_secret(world: World) -> World {
    world.write("secret", "a-secret-for-a-full-disk\n", 0o600);
    let paths = [("SECRET", "secret"), ("LEDGER", "ledger")];
    world.install_c("40-cares.so", "cares", &paths);
    world
}

fn with_files(world: World, room: &'static str) -> World {
    with_secret(world).with_disk(HOMES, room)
}

/// It is said, and what is left can be deleted.
fn is_said(world: &World) {
    let platform = world.serve();
    let request = json!({"id": "full", "command": ["sleep", "600"]}).to_string();
    let refused = platform.post("/workspaces", request).expect(507);
    assert_eq!(
        refused["error"],
        "no room is left on a disk that the workspace needs"
    );
    let shown = platform.show("full");
    let found = (&shown["state"], &shown["reason"]);
    assert_eq!(found, (&json!("failed"), &json!("disk_full")));
    let log = platform.log();
    assert!(log.contains("No space left on device"), "{log}");
    platform.delete("full");
}

#[test]
fn a_disk_with_no_room_for_files_fails_the_workspace() {
    // For one of the two files that the plugin puts.
    is_said(&with_files(World::bare(), "size=4k"));
}

#[test]
fn and_leaves_no_container() {
    let daemon = Daemon::start(Make::Docker);
    let world = docker::over(with_files(World::bare(), "nr_inodes=4"), &daemon, true);
    world.write_config("runtime = \"docker\"\n");
    is_said(&world);
    assert_eq!(daemon.containers(&["--all"]), 0);
}

#[test]
fn a_daemon_whose_disk_is_full_is_said_to_be_until_there_is_room() {
    fills_up(Make::Docker);
}

#[test]
fn and_so_is_podman() {
    fills_up(Make::Podman);
}

/// A workspace is begun with no room at all, and again with a little more each time: first there is none to make its container, then
/// none to start it, and at last it runs.
fn fills_up(make: Make) {
    let daemon = Daemon::with_disk(make, "size=41m");
    let world = with_secret(World::bare());
    let world = docker::over(world, &daemon, matches!(make, Make::Docker));
    let platform = world.serve();
    let request = json!({"id": "full", "command": ["sleep", "600"]}).to_string();
    let (mut path, mut pages) = ("/workspaces", 0);
    loop {
        assert!(pages < 200, "{}", platform.log());
        leave(&daemon, pages);
        let answer = platform.post(path, request.as_str());
        if answer.status < 300 {
            break;
        }
        let refused = answer.expect(507);
        let error = "no room is left on a disk that the workspace needs";
        assert_eq!(refused["error"], error);
        let shown = platform.show("full");
        let found = (&shown["state"], &shown["reason"]);
        assert_eq!(found, (&json!("failed"), &json!("disk_full")));
        let secrets = daemon.directory().join("secrets/full");
        assert!(!secrets.exists(), "{secrets:?}");
        // Podman needs room even to remove one.
        assert!(matches!(make, Make::Podman) || daemon.containers(&["--all"]) == 0);
        (path, pages) = ("/workspaces/full/restart", pages + 1);
    }
    assert_eq!(daemon.containers(&["--all"]), 1, "none was left half-made");
    let log = platform.log();
    for what in ["create its container", "start its container"] {
        let said = format!(
            "cannot {what}: expected room on the daemon's disk ({})",
            daemon.disk().display()
        );
        assert!(log.contains(&said), "{log}");
    }
    platform.delete("full");
    assert_eq!(daemon.containers(&["--all"]), 0);
}

/// Fills the daemon's disk up, but for so many pages.
pub(crate) fn leave(daemon: &Daemon, pages: usize) {
    let page = [0; 4096];
    let mut file = File::create(daemon.disk().join("fill")).unwrap();
    let mut written = 0;
    loop {
        match file.write(&page) {
            Ok(len) => written += len,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
            Err(error) => panic!("{error}"),
        }
    }
    let left = written.saturating_sub(pages * page.len());
    file.set_len(left as u64).unwrap();
}
