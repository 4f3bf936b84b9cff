//! What the texts say of code is that code, and what they link to is there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The first code block of this language.
fn block<'t>(text: &'t str, language: &str) -> &'t str {
    let fence = format!("```{language}\n");
    let start = text.find(&fence).unwrap() + fence.len();
    let end = start + text[start..].find("```").unwrap();
    &text[start..end]
}

#[test]
fn the_readme_shows_the_fixture_that_other_tests_load() {
    let fixture = read("tests/fixtures/greeter/src/lib.rs");
    assert_eq!(block(&read("README.md"), "rust"), fixture);
    assert!(
        fixture.lines().count() <= 25,
        "the README says under 25 lines"
    );
}

#[test]
fn the_c_plugin_of_the_readme_compiles_without_a_warning_and_sets_its_variable() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins.d");
    fs::create_dir(&plugins).unwrap();
    fs::set_permissions(&plugins, fs::Permissions::from_mode(0o755)).unwrap();
    let library = plugins.join("hello.so");
    let compiled = Command::new("cc")
        .args([
            "-Wall",
            "-Wextra",
            "-Werror",
            "-shared",
            "-fPIC",
            "-I",
            "plugin-abi/include",
            "-o",
        ])
        .arg(&library)
        .arg("plugins/examples/c/hello.c")
        .current_dir(root())
        .status()
        .unwrap();
    assert!(compiled.success());
    fs::set_permissions(&library, fs::Permissions::from_mode(0o755)).unwrap();
    let explained = Command::new(env!("CARGO_BIN_EXE_provisionhook"))
        .args(["explain", "--name", "world"])
        .env_clear()
        .env("PROVISIONHOOK_PLUGINS_DIRECTORY", &plugins)
        .output()
        .unwrap();
    let text = String::from_utf8(explained.stdout).unwrap();
    assert!(
        text.contains("+ GREETING=hello world    (set by plugin hello-c)"),
        "{text}{}",
        String::from_utf8_lossy(&explained.stderr)
    );
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut broken = Vec::new();
    for text in texts() {
        let content = fs::read_to_string(&text).unwrap();
        for link in content
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or_default();
            let is_file = !path.is_empty() && !path.contains("://");
            if is_file && !text.with_file_name(path).exists() {
                broken.push(format!("{}: {link}", text.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing: {broken:#?}");
}

/// Every text for people: those in the root, and all under docs/.
fn texts() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join("docs")];
    let in_root = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    found.extend(in_root.filter(|path| is_text(path)));
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if is_text(&path) {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 15, "{found:?}");
    found
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}
