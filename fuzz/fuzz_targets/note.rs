//! The note of a library: any bytes as the whole file, and any bytes as the note segment of a sound one, which would take
//! the fuzzer long to come upon by itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use provisionhook_host::inspect::read_note;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
const DYNAMIC: usize = 4 * 16;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_NOTE: u32 = 4;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_note(bytes);
    let _ = read_note(&library(bytes));
});

/// The smallest library that the host takes for sound, with `note` as its note segment.
fn library(note: &[u8]) -> Vec<u8> {
    let dynamic_at = HEADER + 3 * PROGRAM_HEADER;
    let note_at = dynamic_at + DYNAMIC;
    let end = note_at + note.len();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
    let machine: u16 = if cfg!(target_arch = "aarch64") {
        183
    } else {
        62
    };
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    words(&mut file, &[0, HEADER, 0]);
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 3, 0, 64, 0, 0, 0, 0, 0]);
    program_header(&mut file, PT_LOAD, 0, end);
    program_header(&mut file, PT_DYNAMIC, dynamic_at, DYNAMIC);
    program_header(&mut file, PT_NOTE, note_at, note.len());
    // DT_STRTAB, DT_STRSZ, DT_SYMTAB, DT_NULL: tables of no symbols, somewhere inside the file.
    words(&mut file, &[5, 1, 10, 0, 6, 1, 0, 0]);
    file.extend(note);
    file
}

fn program_header(file: &mut Vec<u8>, kind: u32, offset: usize, size: usize) {
    file.extend(kind.to_le_bytes());
    file.extend(4_u32.to_le_bytes());
    words(file, &[offset, offset, offset, size, size, 4]);
}

fn words(file: &mut Vec<u8>, words: &[usize]) {
    for word in words {
        file.extend((*word as u64).to_le_bytes());
    }
}
