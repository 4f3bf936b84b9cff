//! Steps 2, 4 and 5 on real and on damaged files.

use std::{fs, path::Path, process::Command};

use object::{
    NativeEndian, elf,
    read::elf::{FileHeader as _, ProgramHeader as _},
};
use proptest::prelude::*;
use provisionhook_plugin_abi::wire::{ABI_MAJOR, ABI_MINOR};

use super::{sample::*, *};

/// What the checks say of these bytes: stage and text, or the name of the plugin.
fn outcome(bytes: &[u8]) -> String {
    match check(bytes, &Libraries::of_this_process()) {
        Ok(checked) => checked.manifest.name,
        Err(refusal) => format!("{}: {}", refusal.stage, refusal.mismatches),
    }
}

fn assert_refused(bytes: &[u8], expected: &str) {
    let found = outcome(bytes);
    assert!(
        found.contains(expected),
        "expected {expected:?} in {found:?}"
    );
}

fn patched(bytes: &[u8], at: usize, patch: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + patch.len()].copy_from_slice(patch);
    bytes
}

/// Offsets in the file of the program headers of one type.
fn program_headers(bytes: &[u8], kind: elf::ProgramType) -> Vec<usize> {
    let header = elf::FileHeader64::<NativeEndian>::parse(bytes).unwrap();
    let segments = header.program_headers(NativeEndian, bytes).unwrap();
    let start = usize::try_from(header.e_phoff(NativeEndian)).unwrap();
    let matching = segments
        .iter()
        .enumerate()
        .filter(|(_, s)| s.p_type(NativeEndian) == kind);
    matching
        .map(|(at, _)| start + at * size_of::<elf::ProgramHeader64<NativeEndian>>())
        .collect()
}

/// Where the last mapped byte of the file is.
fn mapped_end(bytes: &[u8]) -> usize {
    let read = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
    let loads = program_headers(bytes, elf::PT_LOAD);
    let ends = loads.iter().map(|at| read(at + 8) + read(at + 32));
    usize::try_from(ends.max().unwrap()).unwrap()
}

#[test]
fn a_sound_plugin_is_inspected() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("07-sample.so");
    compile(&plugin(MANIFEST), &path, &[]);
    let inspected = inspect(
        Candidate::file(&path).unwrap(),
        &Libraries::of_this_process(),
    )
    .unwrap();
    assert_eq!(inspected.manifest().name, "sample");
    assert_eq!(inspected.manifest_json(), MANIFEST.as_bytes());
    assert_eq!(inspected.abi(), (ABI_MAJOR, ABI_MINOR));
    assert_eq!(inspected.note_from(), NoteFrom::ProgramHeaders);
    assert_eq!(inspected.candidate().order_hint, Some(7));
    assert!(inspected.warnings().is_empty());
    let digest = Command::new("sha256sum")
        .arg(&path)
        .output()
        .unwrap()
        .stdout;
    assert!(digest.starts_with(inspected.sha256().as_bytes()));
}

#[test]
fn a_file_that_was_replaced_after_its_check_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.so");
    compile(&plugin(MANIFEST), &path, &[]);
    let candidate = Candidate::file(&path).unwrap();
    let other = directory.path().join("b.so");
    fs::copy(&path, &other).unwrap();
    fs::rename(&other, &path).unwrap();
    let error = inspect(candidate, &Libraries::default()).unwrap_err();
    assert_eq!(error.stage, Stage::Seal);
    assert!(
        error
            .to_string()
            .contains("found another one under its name"),
        "{error}"
    );
}

#[test]
fn a_refusal_names_the_plugin_if_its_manifest_could_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.so");
    compile(
        &(note("a", (ABI_MAJOR + 1, 0), MANIFEST) + ENTRY),
        &path,
        &[],
    );
    let error = inspect(Candidate::file(&path).unwrap(), &Libraries::default()).unwrap_err();
    assert_eq!(
        (error.name.as_deref(), error.version.as_deref()),
        (Some("sample"), Some("1.2.3"))
    );
    assert!(error.sha256.is_some());
    assert!(
        error.to_string().contains(&format!(
            "a.so: refused at manifest: expected ABI major {ABI_MAJOR}"
        )),
        "{error}"
    );
}

#[test]
fn a_library_truncated_at_any_length_is_refused() {
    let bytes = library(&plugin(MANIFEST), &[]);
    let (end, libraries) = (mapped_end(&bytes), Libraries::of_this_process());
    for length in 0..end {
        assert!(
            check(&bytes[..length], &libraries).is_err(),
            "{length} of {}",
            bytes.len()
        );
    }
    // Only section headers and debug information are missing from here on; the dynamic linker reads neither.
    for length in end..=bytes.len() {
        assert!(
            check(&bytes[..length], &libraries).is_ok(),
            "{length} of {}",
            bytes.len()
        );
    }
}

#[test]
fn what_is_no_library_for_this_machine() {
    assert_refused(
        b"",
        "elf: expected an ELF shared library, found an empty file",
    );
    assert_refused(b"hello\n", "found a text file");
    assert_refused(b"#!/bin/sh\n", "found a script");
    assert_refused(b"!<arch>\nx", "found a static library");
    assert_refused(&[0, 1, 2, 3], "found something that is no ELF file");
    assert_refused(
        b"\x7fELF",
        "expected a whole ELF header, found a file that ends after 4 bytes",
    );
    let bytes = library(&plugin(MANIFEST), &[]);
    assert_refused(
        &patched(&bytes, 4, &[1]),
        "expected a 64-bit library, found a 32-bit one",
    );
    assert_refused(&patched(&bytes, 5, &[3]), "found byte order 3");
    assert_refused(
        &patched(&bytes, 16, &[1]),
        "expected a shared library, found an object file",
    );
    assert_refused(&patched(&bytes, 16, &[2]), "found a program");
    let foreign = patched(&bytes, 16, &[4, 0, 8, 0]);
    assert_refused(&foreign, "found mips");
    assert_refused(&foreign, "found a core dump");
}

#[test]
fn segments_that_cannot_be_mapped_are_refused() {
    let bytes = library(&plugin(MANIFEST), &[]);
    let load = program_headers(&bytes, elf::PT_LOAD)[1];
    let huge = u64::MAX.to_ne_bytes();
    assert_refused(
        &patched(&bytes, load + 8, &huge),
        "elf: expected the PT_LOAD segment",
    );
    assert_refused(&patched(&bytes, load + 16, &huge), "ascending order");
    assert_refused(&patched(&bytes, load + 16, &[0; 8]), "ascending order");
    assert_refused(&patched(&bytes, load + 40, &huge), "ascending order");
    let dynamic = program_headers(&bytes, elf::PT_DYNAMIC)[0];
    assert_refused(
        &patched(&bytes, dynamic, &[0; 4]),
        "expected a PT_DYNAMIC segment",
    );
    let note = program_headers(&bytes, elf::PT_NOTE)[0];
    assert_refused(
        &patched(&bytes, note + 32, &huge),
        "expected the PT_NOTE segment",
    );
}

#[test]
fn note_and_entry_must_both_be_there() {
    assert_refused(
        &library("int x;", &[]),
        "neither note nor entry symbol: not a plugin",
    );
    assert_refused(&library(ENTRY, &[]), "the entry symbol without a note");
    let note_only = note("a", (ABI_MAJOR, ABI_MINOR), MANIFEST);
    let no_entry = "expected an exported data symbol provisionhook_plugin_entry, found none";
    assert_refused(&library(&note_only, &[]), no_entry);
    let function =
        "__attribute__((visibility(\"default\"))) void provisionhook_plugin_entry(void) {}";
    assert_refused(&library(&format!("{note_only}{function}"), &[]), no_entry);
    let hidden = ENTRY.replace("default", "hidden");
    assert_refused(&library(&(note_only + &hidden), &[]), no_entry);
}

#[test]
fn the_entry_is_found_in_every_kind_of_symbol_table() {
    for style in [
        "-Wl,--hash-style=sysv",
        "-Wl,--hash-style=gnu",
        "-Wl,--hash-style=both",
        "-Wl,--strip-all",
    ] {
        assert_eq!(
            outcome(&library(&plugin(MANIFEST), &[style])),
            "sample",
            "{style}"
        );
    }
}

#[test]
fn two_notes_are_refused() {
    let both = note("b", (ABI_MAJOR, ABI_MINOR), MANIFEST) + &plugin(MANIFEST);
    assert_refused(
        &library(&both, &[]),
        "expected one note .note.provisionhook, found 2 of them",
    );
}

#[test]
fn a_note_that_two_segments_cover_is_one_note() {
    let bytes = library(&plugin(MANIFEST), &[]);
    let note = program_headers(&bytes, elf::PT_NOTE)[0];
    let stack = program_headers(&bytes, elf::PT_GNU_STACK)[0];
    let twice = patched(&bytes, stack, &bytes[note..note + 56]);
    assert_eq!(outcome(&twice), "sample");
}

#[test]
fn a_note_is_found_without_section_headers_and_without_its_segment() {
    let bytes = library(&plugin(MANIFEST), &[]);
    // e_shoff, then e_shnum and e_shstrndx.
    let no_sections = patched(&patched(&bytes, 40, &[0; 8]), 60, &[0; 4]);
    assert_eq!(outcome(&no_sections), "sample");
    let mut no_segment = bytes;
    for at in program_headers(&no_segment, elf::PT_NOTE) {
        no_segment = patched(&no_segment, at, &[0; 4]);
    }
    let libraries = Libraries::of_this_process();
    let checked = check(&no_segment, &libraries)
        .map_err(|refusal| refusal.mismatches)
        .unwrap();
    assert_eq!(checked.note.from, NoteFrom::SectionHeaders);
    assert!(
        checked.warnings[0].contains("through the section headers only"),
        "{:?}",
        checked.warnings
    );
}

#[test]
fn another_note_format_is_refused() {
    let source = plugin(MANIFEST).replace("\"provisionhook\", 1,", "\"provisionhook\", 9,");
    assert_refused(
        &library(&source, &[]),
        "manifest: expected note format 1, found format 9",
    );
    let source = plugin(MANIFEST).replace("+ 8, 1,", "* 0 + 4, 1,");
    assert_refused(
        &library(&source, &[]),
        "expected a note with format, ABI version and manifest, found 4 bytes",
    );
}

#[test]
fn a_library_that_is_not_installed_is_named() {
    let directory = tempfile::tempdir().unwrap();
    compile(
        "__attribute__((visibility(\"default\"))) int gone(void) { return 1; }",
        &directory.path().join("libgone.so"),
        &[],
    );
    let source = plugin(MANIFEST) + "int gone(void); int use_gone(void) { return gone(); }";
    let here = directory.path().to_str().unwrap();
    let search = format!("-L{here}");
    let build = |rpath: Option<&str>| {
        let rpath = rpath.map(|rpath| format!("-Wl,-rpath,{rpath}"));
        let flags: Vec<&str> = [search.as_str(), "-lgone", "-Wl,-z,undefs"]
            .into_iter()
            .chain(rpath.as_deref())
            .collect();
        library(&source, &flags)
    };
    assert_refused(
        &build(None),
        "elf: expected every library that it needs on this machine, found no libgone.so",
    );
    assert_refused(
        &build(Some("$ORIGIN")),
        "found $ORIGIN, which leads nowhere",
    );
    assert_eq!(outcome(&build(Some(here))), "sample");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_never_panics(patches in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u64>()), 1..40)) {
        static SOUND: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = SOUND.get_or_init(|| library(&plugin(MANIFEST), &[])).clone();
        let headers = bytes.len().min(4096);
        for (at, value) in patches {
            // Most of what is parsed lies in the first page, so most of the damage goes there.
            let at = at.index(if value % 4 == 0 { bytes.len() - 8 } else { headers - 8 });
            bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
            let _ = check(&bytes, &Libraries::default());
        }
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read_note(&bytes);
        let _ = read_note(&[b"\x7fELF\x02\x01\x01".as_slice(), &bytes].concat());
    }
}

#[test]
fn one_file_without_a_directory() {
    let error = Candidate::file(Path::new("/nonexistent/a.so")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected a file that the platform can read"),
        "{error}"
    );
}
