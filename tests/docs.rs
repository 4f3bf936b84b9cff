//! What the texts say of code is that code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

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
