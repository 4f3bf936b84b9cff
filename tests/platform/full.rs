//! A disk for workspaces that is really full.

use serde_json::json;

use crate::{
    daemon::{Daemon, Make},
    docker,
    world::World,
};

const HOMES: &str = "state/workspaces";

fn with_files(world: World, room: &'static str) -> World {
    world.write("secret", "a-secret-for-a-full-disk\n", 0o600);
    let paths = [("SECRET", "secret"), ("LEDGER", "ledger")];
    world.install_c("40-cares.so", "cares", &paths);
    world.with_disk(HOMES, room)
}

/// It is said, and what is left can be deleted.
fn is_said(world: &World) {
    let platform = world.serve();
    let request = json!({"id": "full", "command": ["sleep", "600"]}).to_string();
    let refused = platform.post("/workspaces", request).expect(507);
    assert_eq!(
        refused["error"],
        "no room is left for the workspace's files"
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
    let left = daemon
        .command(&["ps", "--all", "--quiet"])
        .output()
        .unwrap();
    assert!(left.stdout.is_empty(), "{left:?}");
}
