//! Rules for each crate.

use std::path::Path;

use crate::tree::{File, files, keep};

/// The two crates with unsafe code; the workspace's lints deny it there, and single modules expect it with a reason.
const AT_THE_BOUNDARY: &[&str] = &["host/src/", "plugin-abi/src/"];

#[test]
fn every_other_crate_forbids_unsafe_code() {
    let open = files()
        .iter()
        .filter(|file| is_crate_root(file) && !file.is_under(AT_THE_BOUNDARY))
        .filter(|file| !file.text.contains("#![forbid(unsafe_code)]"))
        .map(|file| file.path.clone());
    keep(
        "a crate other than host and plugin-abi opens with `#![forbid(unsafe_code)]`:",
        open,
    );
}

/// `src/lib.rs` or `src/main.rs`, of whatever crate.
fn is_crate_root(file: &File) -> bool {
    let path = Path::new(&file.path);
    (path.ends_with("src/lib.rs") || path.ends_with("src/main.rs"))
        && !file.is_under(&["tests/fixtures/outside/"])
}

#[test]
fn every_crate_has_a_licence() {
    let without = files()
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml") && file.text.contains("[package]"))
        .filter(|file| {
            !file
                .text
                .lines()
                .any(|line| line.starts_with("license = ") || line == "license.workspace = true")
        })
        .map(|file| file.path.clone());
    keep(
        "a crate names its licence: `license.workspace = true`, or `license = \"MIT OR Apache-2.0\"` outside the workspace:",
        without,
    );
}

#[test]
fn every_member_takes_the_lints_of_the_workspace() {
    let without = files()
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
        .filter(|file| file.text.contains("version.workspace = true"))
        .filter(|file| !file.text.contains("[lints]\nworkspace = true"))
        .map(|file| file.path.clone());
    keep(
        "a member of the workspace has `[lints]` with `workspace = true`:",
        without,
    );
}
