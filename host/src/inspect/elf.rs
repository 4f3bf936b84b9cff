//! Step 4: whether the bytes are a sound shared library for this machine.
//!
//! The dynamic linker maps what the program headers say and touches it at once. A segment that ends after the file ends
//! the process with SIGBUS inside `dlopen`, so each one is checked here.

mod header;
mod segments;

use object::{
    NativeEndian, U32,
    elf::{self, FileHeader64, ProgramHeader64, Sym64},
    pod,
    read::elf::{Dyn as _, FileHeader as _, GnuHashTable, ProgramHeader as _, Sym as _},
};

use super::libraries::Libraries;
use crate::mismatch::{Mismatch, Mismatches};

pub(super) type Header = FileHeader64<NativeEndian>;
pub(super) type Segment = ProgramHeader64<NativeEndian>;

const NATIVE: NativeEndian = NativeEndian;

/// The structure of a library whose segments all lie inside the file.
#[derive(Debug)]
pub(super) struct Image<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) header: &'a Header,
    pub(super) segments: &'a [Segment],
    dynamic: Dynamic<'a>,
}

/// What the dynamic linker reads of `PT_DYNAMIC`.
#[derive(Debug, Default)]
struct Dynamic<'a> {
    strings: &'a [u8],
    symbols: Option<u64>,
    symbol_count: SymbolCount,
    needed: Vec<u64>,
    search: Vec<u64>,
}

/// Where the number of symbols can be learnt without section headers.
#[derive(Debug, Default)]
enum SymbolCount {
    #[default]
    Unknown,
    /// Address of a `DT_HASH` table.
    Hash(u64),
    /// Address of a `DT_GNU_HASH` table.
    GnuHash(u64),
}

impl<'a> Image<'a> {
    /// # Errors
    /// All that is wrong with the header, or else all that is wrong with the segments.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Mismatches> {
        let header = header::check(bytes)?;
        let segments = header.program_headers(NATIVE, bytes).map_err(|_| {
            Mismatches::one(truncated(
                "its program headers inside the file",
                bytes.len(),
            ))
        })?;
        segments::check(segments, bytes.len())?;
        let mut image = Self {
            bytes,
            header,
            segments,
            dynamic: Dynamic::default(),
        };
        image.dynamic = image.read_dynamic().ok_or_else(|| {
            Mismatches::one(Mismatch::new(
                "a dynamic table with strings and symbols inside the file",
                "none that is whole",
                "build it as a shared library (cdylib, or cc -shared), and copy it again",
            ))
        })?;
        Ok(image)
    }

    /// Whether the entry of this name is exported, defined, and data.
    pub(super) fn exports_entry(&self, name: &str) -> bool {
        self.symbols().iter().any(|symbol| {
            symbol.st_type() == elf::STT_OBJECT
                && symbol.st_bind() != elf::STB_LOCAL
                && matches!(
                    symbol.st_visibility(),
                    elf::STV_DEFAULT | elf::STV_PROTECTED
                )
                && symbol.st_shndx(NATIVE) != elf::SHN_UNDEF
                && self.string(u64::from(symbol.st_name(NATIVE))) == Some(name.as_bytes())
        })
    }

    /// # Errors
    /// Every library that it needs and that cannot be found.
    pub(super) fn dependencies(&self, libraries: &Libraries) -> Result<(), Mismatches> {
        let text = |offset: &u64| Some(String::from_utf8_lossy(self.string(*offset)?).into_owned());
        let search: Vec<String> = self.dynamic.search.iter().filter_map(text).collect();
        let needed: Vec<String> = self.dynamic.needed.iter().filter_map(text).collect();
        if needed.len() != self.dynamic.needed.len() {
            let expected = "the names of its libraries inside the file";
            return Err(Mismatches::one(truncated(expected, self.bytes.len())));
        }
        libraries.check(&search, &needed)
    }

    /// The file's bytes from where `address` is mapped to the end of that segment's part of the file.
    fn at_address(&self, address: u64) -> Option<&'a [u8]> {
        self.segments
            .iter()
            .filter(|segment| segment.p_type(NATIVE) == elf::PT_LOAD)
            .find_map(|segment| {
                let skip = usize::try_from(address.checked_sub(segment.p_vaddr(NATIVE))?).ok()?;
                segment.data(NATIVE, self.bytes).ok()?.get(skip..)
            })
            .filter(|rest| !rest.is_empty())
    }

    fn read_dynamic(&self) -> Option<Dynamic<'a>> {
        let entries = self
            .segments
            .iter()
            .find_map(|segment| segment.dynamic(NATIVE, self.bytes).ok().flatten())?;
        let mut dynamic = Dynamic::default();
        let (mut strings, mut length) = (None, 0);
        for entry in entries {
            let value = entry.d_val(NATIVE);
            match entry.d_tag(NATIVE) {
                elf::DT_NULL => break,
                elf::DT_STRTAB => strings = Some(value),
                elf::DT_STRSZ => length = value,
                elf::DT_SYMTAB => dynamic.symbols = Some(value),
                elf::DT_HASH => dynamic.symbol_count = SymbolCount::Hash(value),
                elf::DT_GNU_HASH if matches!(dynamic.symbol_count, SymbolCount::Unknown) => {
                    dynamic.symbol_count = SymbolCount::GnuHash(value);
                }
                elf::DT_NEEDED => dynamic.needed.push(value),
                elf::DT_RPATH | elf::DT_RUNPATH => dynamic.search.push(value),
                _ => {}
            }
        }
        let length = usize::try_from(length).ok()?;
        dynamic.strings = self.at_address(strings?)?.get(..length)?;
        self.at_address(dynamic.symbols?)?;
        Some(dynamic)
    }

    fn symbols(&self) -> &'a [Sym64<NativeEndian>] {
        let table = self
            .dynamic
            .symbols
            .and_then(|address| self.at_address(address));
        let Some(table) = table else { return &[] };
        let most = table.len() / size_of::<Sym64<NativeEndian>>();
        let count = self.symbol_count().unwrap_or(0).min(most);
        pod::slice_from_bytes(table, count).map_or(&[], |(symbols, _)| symbols)
    }

    fn symbol_count(&self) -> Option<usize> {
        let count = match self.dynamic.symbol_count {
            SymbolCount::Unknown => return None,
            SymbolCount::Hash(address) => {
                let words =
                    pod::slice_from_all_bytes::<U32<NativeEndian>>(self.at_address(address)?)
                        .ok()?;
                words.get(1)?.get(NATIVE)
            }
            SymbolCount::GnuHash(address) => {
                GnuHashTable::<Header>::parse(NATIVE, self.at_address(address)?)
                    .ok()?
                    .symbol_table_length(NATIVE)?
            }
        };
        usize::try_from(count).ok()
    }

    fn string(&self, offset: u64) -> Option<&'a [u8]> {
        let rest = self.dynamic.strings.get(usize::try_from(offset).ok()?..)?;
        rest.split(|&byte| byte == 0)
            .next()
            .filter(|text| text.len() < rest.len())
    }
}

/// The mismatch of a library that has a note and no entry.
pub(super) fn no_entry(name: &str) -> Mismatch {
    Mismatch::new(
        format!("an exported data symbol {name}"),
        "none",
        "export the entry with default visibility, as export_plugin! and the C header do",
    )
}

/// Something reaches beyond the end of the file.
fn truncated(expected: impl Into<String>, length: usize) -> Mismatch {
    Mismatch::new(
        expected,
        format!("a file that ends after {length} bytes, so it is truncated or damaged"),
        "copy the file again",
    )
}
