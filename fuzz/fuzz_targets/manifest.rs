//! The manifest of a note: any bytes, any ABI version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provisionhook_host::inspect::{Note, NoteFrom, parse_manifest};

fuzz_target!(|input: (u16, u16, &[u8])| {
    let (abi_major, abi_minor, manifest) = input;
    let parsed = parse_manifest(&Note {
        abi_major,
        abi_minor,
        manifest,
        from: NoteFrom::ProgramHeaders,
    });
    match parsed {
        Ok(parsed) => assert!(!parsed.manifest.capabilities.is_empty()),
        Err(error) => assert!(!error.mismatches.is_empty()),
    }
});
