//! The ELF header: class, byte order, machine and type, all reported at once.

use std::env::consts::ARCH;

use object::{
    elf::{self, DataEncoding, FileClass, FileType, Machine},
    read::elf::FileHeader as _,
};

use super::{Header, truncated};
use crate::mismatch::{Mismatch, Mismatches};

/// Offset of `e_type` and `e_machine`: the same in both classes.
const TYPE_AND_MACHINE: std::ops::Range<usize> = 16..20;

const NATIVE_DATA: DataEncoding = if cfg!(target_endian = "little") {
    elf::ELFDATA2LSB
} else {
    elf::ELFDATA2MSB
};

const REBUILD: &str = "build it for this machine";

/// # Errors
/// Not an ELF file, or one of another class, byte order, machine or type.
pub(super) fn check(bytes: &[u8]) -> Result<&Header, Mismatches> {
    not_elf(bytes).map_or(Ok(()), |mismatch| Err(Mismatches::one(mismatch)))?;
    let mismatches = differences(bytes).ok_or_else(|| short(bytes))?;
    if !mismatches.is_empty() {
        return Err(mismatches);
    }
    Header::parse(bytes).map_err(|_| short(bytes))
}

fn short(bytes: &[u8]) -> Mismatches {
    Mismatches::one(truncated("a whole ELF header", bytes.len()))
}

fn not_elf(bytes: &[u8]) -> Option<Mismatch> {
    let found = match bytes {
        [] => "an empty file",
        _ if elf::ELFMAG.starts_with(bytes) || bytes.starts_with(&elf::ELFMAG) => return None,
        [b'#', b'!', ..] => "a script",
        _ if bytes.starts_with(b"!<arch>\n") => "a static library (.a)",
        [b'M', b'Z', ..] => "a Windows library",
        [0xCF, 0xFA, 0xED, 0xFE, ..] | [0xCA, 0xFE, 0xBA, 0xBE, ..] => "a macOS library",
        [0, b'a', b's', b'm', ..] => "a WebAssembly module",
        _ if bytes
            .iter()
            .take(512)
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) =>
        {
            "a text file"
        }
        _ => "something that is no ELF file",
    };
    Some(Mismatch::new(
        "an ELF shared library",
        found,
        "put the library itself there, or remove the file",
    ))
}

/// `None`: the file ends before the fields.
fn differences(bytes: &[u8]) -> Option<Mismatches> {
    let mut mismatches = Mismatches::default();
    let mut differ = |expected: String, found: String, remedy: &str| {
        mismatches.push(Mismatch::new(expected, found, remedy));
    };
    let (class, data) = (FileClass(*bytes.get(4)?), DataEncoding(*bytes.get(5)?));
    if class != elf::ELFCLASS64 {
        let found = match class {
            elf::ELFCLASS32 => "a 32-bit one".to_owned(),
            other => format!("class {}", other.0),
        };
        differ("a 64-bit library".to_owned(), found, REBUILD);
    }
    if data != NATIVE_DATA {
        differ(order(NATIVE_DATA), order(data), REBUILD);
    }
    let (kind, machine) = kind_and_machine(bytes.get(TYPE_AND_MACHINE)?, data)?;
    if Some(machine) != host_machine() {
        differ(format!("machine {ARCH}"), name(machine), REBUILD);
    }
    if kind != elf::ET_DYN {
        let found = match kind {
            elf::ET_REL => "an object file".to_owned(),
            elf::ET_EXEC => "a program".to_owned(),
            elf::ET_CORE => "a core dump".to_owned(),
            other => format!("type {}", other.0),
        };
        differ(
            "a shared library".to_owned(),
            found,
            "link it as a cdylib, or with -shared",
        );
    }
    Some(mismatches)
}

/// A byte order that is not known reads as the host's; it is reported anyway.
fn kind_and_machine(fields: &[u8], data: DataEncoding) -> Option<(FileType, Machine)> {
    let &[k0, k1, m0, m1] = fields else {
        return None;
    };
    let read = match data {
        elf::ELFDATA2LSB => u16::from_le_bytes,
        elf::ELFDATA2MSB => u16::from_be_bytes,
        _ => u16::from_ne_bytes,
    };
    Some((FileType(read([k0, k1])), Machine(read([m0, m1]))))
}

fn order(data: DataEncoding) -> String {
    match data {
        elf::ELFDATA2LSB => "little endian".to_owned(),
        elf::ELFDATA2MSB => "big endian".to_owned(),
        other => format!("byte order {}", other.0),
    }
}

/// `None`: this crate does not know the machine that it runs on, so it can check no plugin for it.
fn host_machine() -> Option<Machine> {
    MACHINES
        .iter()
        .find(|(name, _)| *name == ARCH)
        .map(|(_, machine)| *machine)
}

fn name(machine: Machine) -> String {
    let known = MACHINES.iter().find(|(_, known)| *known == machine);
    known.map_or_else(
        || format!("machine {}", machine.0),
        |(name, _)| (*name).to_owned(),
    )
}

/// Names as in `std::env::consts::ARCH`.
const MACHINES: &[(&str, Machine)] = &[
    ("x86_64", elf::EM_X86_64),
    ("aarch64", elf::EM_AARCH64),
    ("riscv64", elf::EM_RISCV),
    ("powerpc64", elf::EM_PPC64),
    ("s390x", elf::EM_S390),
    ("loongarch64", elf::EM_LOONGARCH),
    ("x86", elf::EM_386),
    ("arm", elf::EM_ARM),
    ("mips", elf::EM_MIPS),
];
