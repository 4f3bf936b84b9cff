//! Copies of the database: made under load, restored, and refused.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    api,
    world::{ADMIN, Ended, World},
};

/// How many workspaces are provisioned while the backup is made, and by how many callers.
const RUSH: usize = 100;
const CALLERS: usize = 8;

fn backup(world: &World, file: &str) -> Ended {
    world.run(&["backup", world.path(file).to_str().unwrap()])
}

/// Puts the copy in the place of the database, as the operator's guide has it.
fn restore(world: &World, file: &str) {
    for name in ["state.db", "state.db-wal"] {
        let _absent = fs::remove_file(world.path("state").join(name));
    }
    fs::copy(world.path(file), world.path("state/state.db")).unwrap();
}

fn create(world: &World, url: &str, id: &str) {
    let request = json!({"id": id, "command": ["sleep", "600"], "env": {"BIG": "x".repeat(2000)}});
    let body = request.to_string().into_bytes();
    let url = format!("{url}/workspaces");
    let sent = api::exchange(&world.client, Method::POST, &url, ADMIN, body);
    world.runtime.block_on(sent).unwrap().expect(201);
}

fn lives(world: &World, id: &str) -> bool {
    let record = world
        .path("state/workspaces")
        .join(id)
        .join("supervisor.json");
    let record: Value =
        serde_json::from_slice(&fs::read(record).unwrap_or_default()).unwrap_or_default();
    let pid = record["command"]["pid"].as_i64().unwrap_or_default();
    pid > 0 && Path::new("/proc").join(pid.to_string()).exists()
}

#[test]
fn a_backup_of_a_platform_in_a_rush_is_whole_and_what_is_younger_or_older_is_settled() {
    let world = World::bare();
    let platform = world.serve();
    create(&world, &platform.url, "deleted-later");
    let (next, made) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let halfway = AtomicBool::new(false);
    let url = platform.url.as_str();
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while let number @ 0..RUSH = next.fetch_add(1, Ordering::Relaxed) {
                    create(&world, url, &format!("rush-{number}"));
                    let half = made.fetch_add(1, Ordering::Relaxed) == RUSH / 2;
                    halfway.fetch_or(half, Ordering::Relaxed);
                }
            });
        }
        while !halfway.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        backup(&world, "copy.db").expect(0, "copy.db: ");
    });
    platform.delete("deleted-later");
    platform.end(Signal::KILL);
    restore(&world, "copy.db");

    let platform = world.serve();
    let listed = platform.get("/workspaces?limit=1000").expect(200);
    let listed = listed["workspaces"].as_array().unwrap();
    assert!(listed.len() > RUSH / 2, "{} are in the copy", listed.len());
    for workspace in listed {
        let id = workspace["id"].as_str().unwrap();
        let found = (
            workspace["state"].as_str().unwrap(),
            workspace["reason"].as_str(),
        );
        let runs = match found {
            ("failed", Some("lost")) if id == "deleted-later" => false,
            // Not even its token was recorded when the copy was made.
            ("failed", Some("interrupted")) => false,
            ("running", None) => true,
            _ => panic!("{workspace}"),
        };
        assert_eq!(lives(&world, id), runs, "{workspace}");
    }
    let known = |id: &str| listed.iter().any(|workspace| workspace["id"] == id);
    let younger = (0..RUSH).map(|number| format!("rush-{number}"));
    for id in younger.filter(|id| !known(id)) {
        assert!(!lives(&world, &id), "{id} is an orphan");
        assert!(platform.log().contains(&format!("workspace={id}")));
        let home = world.path("state/workspaces").join(&id).join("work");
        assert!(home.exists(), "its files are kept");
    }
}

#[test]
fn a_backup_of_a_database_at_rest_is_private_and_overwrites_nothing() {
    let world = World::bare();
    let platform = world.serve();
    create(&world, &platform.url, "kept");
    platform.end(Signal::KILL);
    backup(&world, "copy.db").expect(0, "copy.db: ");
    let mode = fs::metadata(world.path("copy.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(world.path("copy.db")).unwrap();
    backup(&world, "copy.db").expect(1, "a backup overwrites nothing");
    assert_eq!(fs::read(world.path("copy.db")).unwrap(), before);
    restore(&world, "copy.db");
    let platform = world.serve();
    assert_eq!(platform.show("kept")["state"], "running");
    backup(&world, "no/such/directory.db").expect(1, "nothing was left there");
    assert_no_rest(&world);
}

#[test]
fn a_database_of_a_newer_version_and_no_database_at_all_are_refused() {
    let world = World::bare();
    backup(&world, "copy.db").expect(1, "expected a file that can be opened");
    let platform = world.serve();
    platform.end(Signal::TERM);
    let database = world.path("state/state.db");
    let mut bytes = fs::read(&database).unwrap();
    // The version that the application gives its schema, in the header of the file.
    bytes[60..64].copy_from_slice(&1000_u32.to_be_bytes());
    fs::write(&database, &bytes).unwrap();
    backup(&world, "copy.db").expect(
        1,
        "found 1000: run the version of the platform that wrote it",
    );
    assert_eq!(fs::read(&database).unwrap(), bytes);
    assert!(!world.path("copy.db").exists());
    assert_no_rest(&world);
}

/// On a disk of its own, which is full.
#[test]
fn a_full_disk_is_said_and_leaves_no_half() {
    let world = World::bare();
    let platform = world.serve();
    for number in 0..40 {
        create(&world, &platform.url, &format!("ws-{number}"));
    }
    let inside = |running: bool| {
        let _absent = fs::remove_dir(world.path("full"));
        let mut command = std::process::Command::new("unshare");
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mkdir full && mount -t tmpfs -o size=16k tmpfs full || exit 9; \"$0\" \"$@\"; echo status=$? left=$(ls -A full)");
        command.arg(env!("CARGO_BIN_EXE_provisionhook"));
        command.args(["--config", "provisionhook.toml", "backup", "full/copy.db"]);
        let ended = Ended::of(
            command
                .current_dir(world.directory.path())
                .output()
                .unwrap(),
        );
        assert!(
            ended.out.contains("status=1 left=\n"),
            "{running}: {ended:?}"
        );
        let said = [
            "No space left on device",
            "expected room on the disk, found it full",
        ];
        assert!(
            said.iter().any(|said| ended.err.contains(said)),
            "{running}: {ended:?}"
        );
    };
    inside(true);
    platform.end(Signal::TERM);
    inside(false);
}

fn assert_no_rest(world: &World) {
    for directory in [world.directory.path(), &world.path("state")] {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(!name.contains("unfinished"), "{name} is left");
        }
    }
}
