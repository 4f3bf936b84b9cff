//! Plugins compiled as an author in C or C++ would: by the system's compiler, from one source and a header.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What every plugin is compiled with.
const FLAGS: &[&str] = &["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"];

/// Compiles one source with the header in `include`. `how` is the compiler and what it is told beyond that.
pub(crate) fn compile(how: &[&str], include: &Path, source: &Path, library: &Path) {
    let status = Command::new(how[0])
        .args(FLAGS)
        .args(&how[1..])
        .arg("-I")
        .arg(include)
        .arg("-o")
        .arg(library)
        .arg(source)
        .status()
        .unwrap();
    assert!(status.success(), "{} refused {}", how[0], source.display());
}

/// Writes a header of another version: today's, with other numbers, and with fields appended to structs.
pub(crate) fn make(into: &Path, numbers: &[(&str, u16)], appended: &[(&str, &str)]) {
    let mut header = fs::read_to_string(today().join("provisionhook.h")).unwrap();
    for (name, number) in numbers {
        let start = header.find(&format!("#define {name} ")).unwrap();
        let end = start + header[start..].find('\n').unwrap();
        header.replace_range(start..end, &format!("#define {name} {number}"));
    }
    for (name, field) in appended {
        let start = header.find(&format!("\nstruct {name} {{")).unwrap();
        let end = start + header[start..].find("\n};").unwrap() + 1;
        header.insert_str(end, &format!("    {field}\n"));
    }
    fs::write(into.join("provisionhook.h"), header).unwrap();
}

/// Where the header is that authors get.
pub(crate) fn today() -> PathBuf {
    root().join("plugin-abi/include")
}

/// Where the header of an older minor is.
pub(crate) fn older(minor: u16) -> PathBuf {
    root().join(format!("plugin-abi/abi-history/0.{minor}"))
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
