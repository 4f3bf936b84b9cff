//! The three forms of a store, over real directories.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

async fn read(state: &PluginState, key: &str) -> Option<Vec<u8>> {
    let value = state.read(key).await.unwrap();
    value.map(|value| value.to_vec())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// What is in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_value_is_there_for_whoever_comes_later_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let state_dir = directory.path().join("state");
    let state = StateStore::at(&state_dir).of("gitlab");
    assert_eq!(read(&state, "token").await, None);
    state.write("token", b"one").await.unwrap();
    state.write("token", b"\0two\xff").await.unwrap();
    state.write("empty", b"").await.unwrap();
    let later = StateStore::at(&state_dir);
    assert_eq!(
        read(&later.of("gitlab"), "token").await.as_deref(),
        Some(&b"\0two\xff"[..])
    );
    assert_eq!(read(&later.of("gitlab"), "empty").await, Some(Vec::new()));
    assert_eq!(read(&later.of("vault"), "token").await, None);

    let plugins = state_dir.join("plugins");
    let own = plugins.join("gitlab");
    assert_eq!(names(&own), ["empty", "token"], "and nothing beside them");
    assert_eq!((mode(&plugins), mode(&own)), (0o700, 0o700));
    assert_eq!(mode(&own.join("token")), 0o600);

    state.remove("token").await.unwrap();
    state.remove("token").await.unwrap();
    assert_eq!(read(&state, "token").await, None);
}

#[tokio::test]
async fn what_a_crash_left_beside_a_value_is_replaced_and_the_value_stays() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::at(directory.path()).of("p");
    state.write("k", b"whole").await.unwrap();
    let beside = directory.path().join("plugins/p/.k.new");
    fs::write(&beside, "hal").unwrap();
    assert_eq!(read(&state, "k").await.as_deref(), Some(&b"whole"[..]));
    state.write("k", b"next").await.unwrap();
    assert_eq!(read(&state, "k").await.as_deref(), Some(&b"next"[..]));
    assert!(!beside.exists());
}

#[tokio::test]
async fn writes_at_a_time_leave_one_of_them_whole() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::at(directory.path()).of("p");
    let mut writes = tokio::task::JoinSet::new();
    for letter in b'a'..=b'z' {
        writes.spawn(state.write("k", &[letter; 100_000]));
    }
    while let Some(written) = writes.join_next().await {
        written.unwrap().unwrap();
    }
    let value = read(&state, "k").await.unwrap();
    assert_eq!(value, vec![value[0]; 100_000]);
}

#[tokio::test]
async fn a_dry_run_reads_and_keeps_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::at(directory.path()).of("p");
    state.write("k", b"v").await.unwrap();
    let dry = StateStore::read_only(directory.path()).of("p");
    assert_eq!(read(&dry, "k").await.as_deref(), Some(&b"v"[..]));
    for refused in [dry.write("k", b"w").await, dry.remove("k").await] {
        let fault = refused.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Denied);
        assert!(
            fault.message.ends_with("a dry run keeps no state"),
            "{fault}"
        );
    }
    assert_eq!(read(&state, "k").await.as_deref(), Some(&b"v"[..]));
    let nothing = StateStore::read_only(&directory.path().join("missing")).of("p");
    assert_eq!(read(&nothing, "k").await, None);
    assert!(!directory.path().join("missing").exists());
}

#[tokio::test]
async fn without_a_place_nothing_is_found_and_a_write_says_what_to_set() {
    let state = StateStore::nowhere().of("p");
    assert_eq!(read(&state, "k").await, None);
    let fault = state.write("k", b"v").await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (
            FaultKind::Config,
            "expected a place for the state of plugins, found none; set state_dir"
        )
    );
}

#[tokio::test]
async fn a_key_or_value_that_cannot_be_one_is_the_plugins_defect() {
    let state = StateStore::nowhere().of("p");
    let fault = state.read("../q/k").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Internal);
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::at(directory.path()).of("p");
    state
        .write("k", &vec![b'x'; MAX_VALUE_BYTES])
        .await
        .unwrap();
    let fault = state
        .write("k", &vec![b'y'; MAX_VALUE_BYTES + 1])
        .await
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Internal);
    assert!(fault.message.contains("found 1048577"), "{fault}");
    assert_eq!(read(&state, "k").await.unwrap()[0], b'x', "nothing is lost");
}

#[tokio::test]
async fn what_is_damaged_is_named_with_what_to_do_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::at(directory.path()).of("p");
    state.write("k", b"v").await.unwrap();
    let own = directory.path().join("plugins/p");
    fs::create_dir(own.join("directory")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", own.join("link")).unwrap();
    fs::write(own.join("long"), vec![b'x'; MAX_VALUE_BYTES + 1]).unwrap();
    for (key, found) in [
        ("directory", "something else"),
        ("link", "something else"),
        ("long", "1048577 bytes"),
    ] {
        let fault = state.read(key).await.unwrap_err();
        let path = own.join(key);
        assert_eq!(fault.kind, FaultKind::Config, "{fault}");
        for part in [
            &format!("at {}, found {found}", path.display()),
            "restore it from a backup",
        ] {
            assert!(fault.message.contains(part), "{fault}");
        }
        assert!(path.symlink_metadata().is_ok());
    }
    let fault = state.write("directory", b"v").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(!own.join(".directory.new").exists(), "{fault}");
}

#[tokio::test]
async fn a_place_that_cannot_be_made_is_told_at_the_first_read() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plugins"), "").unwrap();
    let state = StateStore::at(directory.path()).of("p");
    let fault = state.read("k").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    let place = directory.path().join("plugins");
    for part in [place.to_str().unwrap(), "set state_dir"] {
        assert!(fault.message.contains(part), "{fault}");
    }
}

#[tokio::test]
async fn another_process_is_turned_away_before_it_reads() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("plugins");
    fs::create_dir(&root).unwrap();
    // Another descriptor is to the kernel what another process is.
    let other = fs::File::create(root.join(".lock")).unwrap();
    other.lock().unwrap();
    let state = StateStore::at(directory.path()).of("p");
    let fault = state.read("k").await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(
        fault.message.contains("found it in use by another"),
        "{fault}"
    );
    let dry = StateStore::read_only(directory.path()).of("p");
    assert_eq!(read(&dry, "k").await, None, "a dry run disturbs nobody");
    drop(other);
    state.write("k", b"v").await.unwrap();
}
