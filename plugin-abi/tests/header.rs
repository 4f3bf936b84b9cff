//! The C header against the wire types: the system compiler checks every offset and size that Rust knows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use provisionhook_plugin_abi::{
    layout::{self, Model},
    wire::{ABI_MAJOR, ABI_MINOR, FaultKind, MAGIC, POLL_FAULT, POLL_PENDING},
};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// `EnvMutator1` is `ph_env_mutator_1`.
fn c_name(name: &str) -> String {
    let mut spelled = "ph".to_owned();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() || letter.is_ascii_digit() {
            spelled.push('_');
        }
        spelled.push(letter.to_ascii_lowercase());
    }
    spelled
}

fn asserts(model: &Model) -> String {
    let mut source = "#include \"provisionhook.h\"\n".to_owned();
    let mut is = |expression: String| {
        writeln!(source, "_Static_assert({expression}, \"{expression}\");").unwrap()
    };
    for found in model
        .structs
        .iter()
        .filter(|found| found.name != "Instance")
    {
        let name = c_name(&found.name);
        is(format!("sizeof({name}) == {}", found.size));
        is(format!("_Alignof({name}) == {}", found.align));
        for field in found.fields.iter().filter(|_| found.name != "FaultKind") {
            is(format!(
                "offsetof({name}, {}) == {}",
                field.name, field.offset
            ));
            is(format!(
                "sizeof((({name} *)0)->{}) == {}",
                field.name, field.size
            ));
        }
    }
    source
}

fn compile(compiler: &str, arguments: &[&str], include: &str, name: &str, source: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, output) = (directory.join(name), directory.join(format!("{name}.so")));
    fs::write(&file, source).unwrap();
    let run = Command::new(compiler)
        .args(arguments)
        .args([
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-shared",
            "-fPIC",
            "-I",
        ])
        .arg(Path::new(HERE).join(include))
        .arg(&file)
        .arg("-o")
        .arg(&output)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    output
}

#[test]
fn every_offset_and_size_is_the_same_in_c() {
    let mut source = asserts(&layout::own());
    let constants = [
        ("PH_MAGIC", MAGIC),
        ("PH_ABI_MAJOR", ABI_MAJOR.into()),
        ("PH_ABI_MINOR", ABI_MINOR.into()),
        ("PH_POLL_PENDING", POLL_PENDING.into()),
        ("PH_POLL_FAULT", POLL_FAULT.into()),
        ("PH_FAULT_CONFIG", FaultKind::CONFIG.0.into()),
        ("PH_FAULT_CANCELLED", FaultKind::CANCELLED.0.into()),
    ];
    for (name, value) in constants {
        writeln!(source, "_Static_assert({name} == {value}, \"{name}\");").unwrap();
    }
    compile("cc", &["-std=c11"], "include", "layout.c", &source);
}

#[test]
fn the_header_of_each_older_minor_has_the_layout_of_that_minor() {
    for minor in 1..ABI_MINOR {
        let history = format!("abi-history/0.{minor}");
        let golden = Path::new(HERE).join(&history).join("abi-layout.golden");
        let golden = fs::read_to_string(golden).unwrap();
        let source = asserts(&golden.parse().unwrap())
            + &format!("_Static_assert(PH_ABI_MINOR == {minor}, \"minor\");\n");
        let name = format!("layout-0.{minor}.c");
        compile("cc", &["-std=c11"], &history, &name, &source);
    }
}

/// A whole plugin. Its manifest has a length that is a multiple of 4, where padding would hide a stray NUL.
const PLUGIN: &str = r#"#include "provisionhook.h"

PH_PLUGIN_MANIFEST("{\"name\":\"c-greeter\",\"version\":\"1.0\",\"capabilities\":[\"env-mutator/1\"],"
                   "\"env\":{\"writes\":[\"GREETING\"]},\"execution\":\"inline\"}");

static ph_poll create(const ph_host *host, ph_bytes config, ph_reply *reply, ph_instance **instance) {
    static int only;
    (void)host; (void)config; (void)reply;
    *instance = (ph_instance *)&only;
    return PH_POLL_READY;
}

static void destroy(ph_instance *instance) { (void)instance; }

static ph_poll mutate(ph_instance *instance, const ph_call *call, ph_env *env, ph_reply *reply) {
    static const ph_str key = PH_STR("GREETING"), value = PH_STR("hello from C");
    (void)instance; (void)call; (void)reply;
    env->vtable->set(env, key, value, 0);
    return PH_POLL_READY;
}

static const ph_env_mutator_1 table = {sizeof(ph_env_mutator_1), 0, mutate};

static const void *extension(ph_str id) { return id.len == sizeof PH_ENV_MUTATOR_1 - 1 ? &table : 0; }

PH_EXPORT const ph_entry provisionhook_plugin_entry = {PH_PREFIX(ph_entry), PH_MANIFEST, 0, create, destroy, extension};
"#;

const MANIFEST: &str = r#"{"name":"c-greeter","version":"1.0","capabilities":["env-mutator/1"],"env":{"writes":["GREETING"]},"execution":"inline"}"#;

/// The note as the contract describes it.
fn note() -> Vec<u8> {
    let mut note = Vec::new();
    for word in [14, 8 + u32::try_from(MANIFEST.len()).unwrap(), 1] {
        note.extend_from_slice(&word.to_le_bytes());
    }
    note.extend_from_slice(b"provisionhook\0\0\0\x01\0\0\0");
    note.extend_from_slice(&ABI_MAJOR.to_le_bytes());
    note.extend_from_slice(&ABI_MINOR.to_le_bytes());
    note.extend_from_slice(MANIFEST.as_bytes());
    note
}

fn contains_note(library: &Path) -> bool {
    let bytes = fs::read(library).unwrap();
    let note = note();
    bytes.windows(note.len()).any(|window| window == note)
}

#[test]
fn a_c_plugin_needs_nothing_but_the_header() {
    assert!(contains_note(&compile(
        "cc",
        &["-std=c99"],
        "include",
        "plugin.c",
        PLUGIN
    )));
}

#[test]
fn a_cpp_plugin_has_the_same_note() {
    assert!(contains_note(&compile(
        "c++",
        &["-x", "c++", "-std=c++17"],
        "include",
        "plugin.cc",
        PLUGIN
    )));
}
