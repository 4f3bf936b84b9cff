//! C fixtures, compiled as an author would: by the system's compiler, from one source and the header.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// What a later minor might add: for each struct, what is appended to it.
const LATER: [(&str, &str); 2] = [
    ("ph_entry", "    const void *later;\n"),
    (
        "ph_env_mutator_1",
        "    ph_poll (*preview)(ph_instance *, const ph_call *, struct ph_env *, struct ph_reply *);\n",
    ),
];

/// Compiles `tests/fixtures/c/<fixture>.c`: the older minor from the header that was then, the newer from a header that
/// is made up here, all others from that of today.
pub(crate) fn compile(fixture: &str, library: &Path) {
    let made = tempfile::tempdir().unwrap();
    let include = match fixture {
        "older_minor" => root().join("plugin-abi/abi-history/0.1"),
        "newer_minor" | "newer_minor_needed" => later_header(&made),
        _ => root().join("plugin-abi/include"),
    };
    let status = Command::new("cc")
        .args([
            "-std=gnu11",
            "-shared",
            "-fPIC",
            "-O1",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-I",
        ])
        .arg(include)
        .arg("-o")
        .arg(library)
        .arg(root().join(format!("tests/fixtures/c/{fixture}.c")))
        .status()
        .unwrap();
    assert!(status.success(), "cc refused {fixture}.c");
}

/// The header of ABI 0.9: today's, with fields appended.
fn later_header(into: &TempDir) -> PathBuf {
    let mut header = fs::read_to_string(root().join("plugin-abi/include/provisionhook.h")).unwrap();
    let minor = header.find("#define PH_ABI_MINOR ").unwrap();
    let end = minor + header[minor..].find('\n').unwrap();
    header.replace_range(minor..end, "#define PH_ABI_MINOR 9");
    for (name, field) in LATER {
        let start = header.find(&format!("\nstruct {name} {{")).unwrap();
        let end = start + header[start..].find("\n};").unwrap() + 1;
        header.insert_str(end, field);
    }
    fs::write(into.path().join("provisionhook.h"), header).unwrap();
    into.path().to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
