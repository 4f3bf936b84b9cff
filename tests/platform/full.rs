//! Disks for workspaces that are really full.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, Make},
    docker,
    platform::Platform,
    world::{World, until},
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
        leave(&daemon.disk(), pages);
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

/// Fills a disk up, but for so many pages.
pub(crate) fn leave(disk: &Path, pages: usize) {
    let page = [0; 4096];
    let mut file = File::create(disk.join("fill")).unwrap();
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

/// The database has no room at all, and a little more for each workspace: first one cannot be recorded, then no further than to
/// some step of its provision, and at last it runs. However far it came, nothing of it is left, and the platform goes on.
#[test]
fn a_database_without_room_is_said_and_nothing_is_begun_that_is_not_on_record() {
    let world = World::bare().with_disk("state", "size=32m");
    let platform = world.serve();
    let disk = state(&world, &platform);
    let (mut unrecorded, mut cut_off, mut pages) = (0, 0, 0);
    loop {
        assert!(pages < 100, "{}", platform.log());
        // Nobody else on the machine has it.
        let id = format!("full-{}-{pages}", std::process::id());
        leave(&disk, pages);
        let request = json!({"id": id, "command": ["sleep", "100"]}).to_string();
        let answer = platform.post("/workspaces", request);
        // Whoever only looks needs no room.
        let found = platform.get(&format!("/workspaces/{id}"));
        if answer.status == 201 {
            assert_eq!(found.json()["state"], "running");
            leave(&disk, 1000);
            platform.delete(&id);
            break;
        }
        let error = "no room is left on a disk that the workspace needs";
        assert_eq!(answer.expect(507)["error"], error);
        match found.status {
            404 => unrecorded += 1,
            _ => cut_off += 1,
        }
        leave(&disk, 1000);
        settles(&platform, &id);
        let gone = platform.send(Method::DELETE, &format!("/workspaces/{id}"), "");
        assert!(matches!(gone.status, 204 | 404), "{gone:?}");
        let left: Vec<_> = fs::read_dir(disk.join("workspaces")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(running(&id), 0, "{id}");
        pages += 1;
    }
    assert!(unrecorded > 0 && cut_off > 1, "{unrecorded} {cut_off}");
    let log = platform.log();
    let said = "expected room on the disk, found it full: free some, nothing recorded is lost";
    assert!(log.contains(said), "{log}");
}

/// The state directory, as the platform sees it.
fn state(world: &World, platform: &Platform<'_>) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", platform.pid()));
    root.join(world.path("state").strip_prefix("/").unwrap())
}

#[test]
fn an_end_that_could_not_be_recorded_is_recorded_when_there_is_room() {
    let world = World::bare().with_disk("state", "size=32m");
    let platform = world.serve();
    let disk = state(&world, &platform);
    let wait = format!(
        "until [ -e {} ]; do sleep 0.05; done",
        world.path("go").display()
    );
    let ends = platform.provision(&["sh", "-c", &wait]).id;
    let workspace = platform.provision(&["sleep", "100"]);
    let stays = &workspace.id;
    let stop = format!("/workspaces/{stays}/stop");
    leave(&disk, 0);
    platform.post(&stop, "").expect(507);
    // Nobody is there to give a token, but whoever asks is known.
    platform.token_for(&workspace).expect(404);
    world.write("go", "", 0o600);
    until("the end to be seen", || {
        platform
            .log()
            .contains("the end of the workspace was not recorded")
    });
    for id in [&ends, stays] {
        assert_eq!(platform.show(id)["state"], "running");
    }
    leave(&disk, 1000);
    until("the end to be recorded", || {
        platform.show(&ends)["state"] == "stopped"
    });
    let stopped = platform.post(&stop, "");
    assert_eq!(stopped.expect(200)["state"], "stopped");
    platform.token_for(&workspace).expect(401);
    for id in [&ends, stays] {
        platform.delete(id);
    }
}

/// A workspace is not on record, has failed, or runs in the end, once there is room to record it.
fn settles(platform: &Platform<'_>, id: &str) {
    until("the workspace to be settled", || {
        let found = platform.get(&format!("/workspaces/{id}"));
        if found.status == 404 {
            assert_eq!(running(id), 0, "{id}");
            return true;
        }
        let shown = found.expect(200);
        match (shown["state"].as_str().unwrap(), &shown["reason"]) {
            ("provisioning", Value::Null) => false,
            ("failed", reason) => {
                let reasons = ["disk_full", "interrupted"];
                assert!(reasons.contains(&reason.as_str().unwrap()), "{shown}");
                assert_eq!(running(id), 0, "{shown}");
                true
            }
            ("running", Value::Null) => {
                assert_eq!(running(id), 1, "{shown}");
                true
            }
            _ => panic!("{shown}"),
        }
    });
}

/// How many processes there are of a workspace of this id.
fn running(id: &str) -> usize {
    let marker = format!("PROVISIONHOOK_WORKSPACE_ID={id}\0");
    let all = fs::read_dir("/proc").unwrap().flatten();
    let environments = all.map(|process| fs::read(process.path().join("environ")));
    environments
        .flatten()
        .filter(|bytes| String::from_utf8_lossy(bytes).contains(&marker))
        .count()
}
