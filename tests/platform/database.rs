//! Databases that are not for this version, or none at all: every command that opens one says what it expected and found, and leaves
//! what is there as it was.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use rustix::process::Signal;

use crate::world::{Ended, World};

/// What a file is: its mode, and its bytes or what else it is.
#[derive(Debug, PartialEq, Eq)]
struct Seen(u32, Vec<u8>);

/// Everything beneath a directory.
fn seen(directory: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let kind = metadata.file_type();
        let bytes = if kind.is_file() {
            fs::read(&path).unwrap()
        } else if kind.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else {
            assert!(kind.is_dir() || kind.is_socket(), "{path:?}");
            if kind.is_dir() {
                found.extend(seen(&path));
            }
            Vec::new()
        };
        found.insert(path, Seen(metadata.permissions().mode(), bytes));
    }
    found
}

/// Each command that opens the database refuses it with this sentence, and nothing is different then.
fn refused(world: &World, sentence: &str) {
    let before = seen(&world.path("state"));
    let copy = world.path("copy.db");
    let commands = [
        &["serve"][..],
        &["doctor"],
        &["backup", copy.to_str().unwrap()],
    ];
    for command in commands {
        let ended = world.run(command);
        ended.expect(1, sentence);
        assert_eq!(seen(&world.path("state")), before, "{command:?}");
        assert!(!copy.exists(), "{command:?}");
    }
}

/// A machine on which a platform has run, and with what else it left behind.
fn used(signal: Signal) -> World {
    let world = World::bare();
    let platform = world.serve();
    let workspace = platform.provision(&["true"]);
    platform.whole_output(&workspace.id);
    platform.end(signal);
    let _socket = fs::remove_file(world.path("state/control.sock"));
    world
}

fn database(world: &World) -> PathBuf {
    world.path("state/state.db")
}

/// Gives the database this version, in the header of the file.
fn set_version(world: &World, version: u32) {
    let mut bytes = fs::read(database(world)).unwrap();
    bytes[60..64].copy_from_slice(&version.to_be_bytes());
    fs::write(database(world), bytes).unwrap();
}

const NEWER: &str = "run the version of the platform that wrote it, or a newer one";

#[test]
fn one_of_a_newer_version() {
    let world = used(Signal::TERM);
    assert!(!world.path("state/state.db-wal").exists());
    set_version(&world, 1000);
    refused(&world, &format!("or older, found 1000: {NEWER}"));
    // Whoever may read it, too, stays who may.
    fs::set_permissions(database(&world), fs::Permissions::from_mode(0o640)).unwrap();
    refused(&world, &format!("or older, found 1000: {NEWER}"));
}

#[test]
fn one_of_a_newer_version_whose_platform_was_killed() {
    let world = used(Signal::KILL);
    // Its last commits are in the journal, with the page that holds the version.
    let journal = world.path("state/state.db-wal");
    assert!(fs::metadata(&journal).unwrap().len() > 0);
    let script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('PRAGMA user_version = 1000'); db.commit(); import os; os._exit(0)";
    let status = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(database(&world))
        .status();
    assert!(status.unwrap().success());
    let _index = fs::remove_file(world.path("state/state.db-shm"));
    assert!(fs::metadata(&journal).unwrap().len() > 0);
    refused(&world, &format!("or older, found 1000: {NEWER}"));
}

#[test]
fn one_of_something_else() {
    let world = World::bare();
    let script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('CREATE TABLE cookies (x)'); db.commit()";
    let status = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(database(&world))
        .status();
    assert!(status.unwrap().success());
    refused(
        &world,
        "expected a workspace store, found another program's database: give the store a path of its own",
    );
}

#[test]
fn one_that_is_none() {
    let damaged = "restore it from a copy, or move it aside to begin anew";
    let world = World::bare();
    world.write("state/state.db", "no database ".repeat(1000), 0o600);
    refused(
        &world,
        &format!("expected a sound database, found a file that is none: {damaged}"),
    );
    fs::remove_file(database(&world)).unwrap();
    fs::create_dir(database(&world)).unwrap();
    refused(
        &world,
        &format!("expected a sound database, found a directory: {damaged}"),
    );
    fs::remove_dir(database(&world)).unwrap();
    symlink("/dev/null", database(&world)).unwrap();
    refused(
        &world,
        &format!("expected a sound database, found something else than a file: {damaged}"),
    );
}

#[test]
fn one_that_was_cut_off() {
    let whole = fs::read(database(&used(Signal::TERM))).unwrap();
    for left in [50, 4096, 5000, whole.len() - 4096] {
        let world = World::bare();
        world.write("state/state.db", &whole[..left], 0o600);
        refused(
            &world,
            "expected a sound database, found a damaged one: restore it from a copy, or move it aside to begin anew",
        );
    }
}

#[test]
fn one_that_may_not_be_written() {
    let world = World::bare_for_everybody();
    let platform = world.serve_as(USER);
    platform.end(Signal::TERM);
    let _socket = fs::remove_file(world.path("state/control.sock"));
    fs::set_permissions(database(&world), fs::Permissions::from_mode(0o400)).unwrap();
    let before = seen(&world.path("state"));
    for command in [&["serve"][..], &["doctor"]] {
        let ended = Ended::of(world.command_as(USER, command).output().unwrap());
        ended.expect(
            1,
            "expected a file that may be written, found a read-only one: check its mode and its mount",
        );
        assert_eq!(seen(&world.path("state")), before, "{command:?}");
    }
}

/// `nobody`, who may write nothing here that is not given to it.
const USER: u32 = 65534;

#[test]
fn a_doctor_changes_nothing_of_one_that_is_good_or_older() {
    let world = used(Signal::TERM);
    let healthy = |world: &World| {
        let before = seen(&world.path("state"));
        world
            .run(&["doctor"])
            .expect(0, &format!("state: {}", database(world).display()));
        assert_eq!(seen(&world.path("state")), before);
    };
    healthy(&world);
    // As it stood before the last migrations; what they make is there already, which nobody looks at.
    set_version(&world, 1);
    healthy(&world);
    fs::write(database(&world), "").unwrap();
    healthy(&world);
}
