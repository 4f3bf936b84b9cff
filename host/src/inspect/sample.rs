//! Tiny shared libraries for tests, made by the system's C compiler from the note's layout.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use provisionhook_plugin_abi::wire::{ABI_MAJOR, ABI_MINOR};

pub(crate) const MANIFEST: &str =
    r#"{"name":"sample","version":"1.2.3","capabilities":["env-mutator/1"],"execution":"inline"}"#;

pub(crate) const ENTRY: &str = "__attribute__((visibility(\"default\"))) const uint64_t provisionhook_plugin_entry[8] = {1};\n";

/// C source of a note with this manifest; `id` tells several apart.
pub(crate) fn note(id: &str, abi: (u16, u16), manifest: &str) -> String {
    let (major, minor) = abi;
    let length = manifest.len();
    format!(
        "__attribute__((used, section(\".note.provisionhook\"), aligned(4))) static const struct {{
            uint32_t namesz, descsz, type; char name[16]; uint32_t format; uint16_t major, minor; char json[{length}];
        }} note_{id} = {{ 14, {length} + 8, 1, \"provisionhook\", 1, {major}, {minor}, {manifest:?} }};\n"
    )
}

/// C source of a sound plugin with this manifest.
pub(crate) fn plugin(manifest: &str) -> String {
    note("a", (ABI_MAJOR, ABI_MINOR), manifest) + ENTRY
}

/// Compiles `source` into the shared library `path`.
pub(crate) fn compile(source: &str, path: &Path, flags: &[&str]) {
    let c = path.with_extension("c");
    fs::write(&c, format!("#include <stdint.h>\n{source}")).unwrap();
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-fvisibility=hidden", "-o"])
        .args([path, &c])
        .args(flags)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::remove_file(c).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The bytes of the library that `source` makes.
pub(crate) fn library(source: &str, flags: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("library.so");
    compile(source, &path, flags);
    fs::read(path).unwrap()
}
