//! Rules for each source file by itself.

use crate::tree::{files, keep};

const MOST_LINES: usize = 400;

/// The header is generated, as one file; so are its older copies.
const GENERATED: &[&str] = &[
    "plugin-abi/include/provisionhook.h",
    "plugin-abi/abi-history/",
];

/// Programs that do not compile, on purpose; what the compiler says about them is compared with its line numbers.
const MISUSE: &str = "plugin-abi/tests/misuse/";

/// Where unsafe code may stand: at the boundary, in its tests, and in what feeds it wild bytes.
const UNSAFE: &[&str] = &[
    "plugin-abi/src/",
    "plugin-abi/tests/in_process",
    "host/src/load.rs",
    "host/src/load/",
    "fuzz/fuzz_targets/wire_text.rs",
    MISUSE,
];

/// Put together, so that this file does not break its own rule.
const LEFT_UNDONE: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!("),
    concat!("un", "implemented!("),
    concat!("#[ig", "nore"),
];

/// Directories of machines that the project was built on, which nobody else has.
const MACHINES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tm", "p/ph"),
];

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long = files()
        .iter()
        .filter(|file| file.is(&["rs", "c", "h"]) && !file.is_under(GENERATED))
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > MOST_LINES).then(|| format!("{}: {lines} lines", file.path))
        });
    keep(
        "a source file has at most 400 lines; split it by purpose, a room for each:",
        long,
    );
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = files()
        .iter()
        .filter(|file| file.is(&["rs"]) && !file.path.starts_with(MISUSE))
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path.clone());
    keep(
        "a Rust file opens with a `//!` line that says its purpose:",
        silent,
    );
}

#[test]
fn a_module_stands_beside_its_directory() {
    let inside = files()
        .iter()
        .filter(|file| file.path.ends_with("/mod.rs"))
        .map(|file| file.path.clone());
    keep(
        "a module `foo` is `foo.rs` beside `foo/`, not `foo/mod.rs`:",
        inside,
    );
}

#[test]
fn nothing_is_left_undone() {
    keep(
        "finish it, or take it out; a test runs, or is not there:",
        found(LEFT_UNDONE, &["rs", "c", "h", "toml", "sh"]),
    );
}

#[test]
fn no_file_knows_the_machine_that_it_was_written_on() {
    keep(
        "name paths relative to the repository, or take them from the environment:",
        found(MACHINES, &[""]),
    );
}

/// Every line of files with these extensions (`""` = all) that has one of these words in it.
fn found(words: &'static [&str], extensions: &'static [&str]) -> impl Iterator<Item = String> {
    files()
        .iter()
        .filter(move |file| extensions == [""] || file.is(extensions))
        .flat_map(move |file| {
            file.text
                .lines()
                .enumerate()
                .filter_map(move |(index, line)| {
                    let word = words.iter().find(|word| line.contains(**word))?;
                    Some(format!("{}:{}: `{word}`", file.path, index + 1))
                })
        })
}

#[test]
fn unsafe_code_stands_at_the_boundary_only() {
    let astray = files()
        .iter()
        .filter(|file| file.is(&["rs"]) && !file.is_under(UNSAFE))
        .flat_map(|file| {
            file.code()
                .filter(|(_, line)| is_unsafe(line))
                .map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        });
    keep(
        "unsafe code stands in plugin-abi/src and host/src/load only; use what they offer:",
        astray,
    );
}

fn is_unsafe(line: &str) -> bool {
    ["{", "fn ", "extern ", "impl ", "trait "]
        .iter()
        .any(|what| line.contains(&format!("{} {what}", concat!("uns", "afe"))))
        || line.contains(concat!("#[uns", "afe("))
}
