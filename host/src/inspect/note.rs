//! The ELF note that holds the manifest, read from the file.
//!
//! It normally lies in a `PT_NOTE` segment. Some tools move notes out of their segment, so the section headers are the
//! second place to look; the report says which it was.

use std::fmt;

use object::{
    NativeEndian, elf,
    read::elf::{FileHeader as _, NoteIterator, ProgramHeader as _, SectionHeader as _},
};
use provisionhook_plugin_abi::wire::{NOTE_FORMAT, NOTE_NAME, NOTE_SECTION, NOTE_TYPE};

use super::elf::{Header, Image};
use crate::mismatch::{Mismatch, Mismatches};

const NATIVE: NativeEndian = NativeEndian;

/// Format word, ABI major and minor.
const FIXED_BYTES: usize = 8;

/// Where the note was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteFrom {
    /// A `PT_NOTE` segment.
    ProgramHeaders,
    /// A section, because no `PT_NOTE` segment held it.
    SectionHeaders,
}

impl fmt::Display for NoteFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProgramHeaders => "program headers",
            Self::SectionHeaders => "section headers",
        })
    }
}

/// A note, taken apart. The manifest is not parsed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// ABI major that the plugin was built for.
    pub abi_major: u16,
    /// ABI minor that the plugin was built for.
    pub abi_minor: u16,
    /// The manifest as JSON.
    pub manifest: &'a [u8],
    /// Where it was found.
    pub from: NoteFrom,
}

/// Reads the note of a library; `None` if it has none.
///
/// # Errors
/// The bytes are no sound shared library for this machine, or hold several notes or a malformed one.
pub fn read(bytes: &[u8]) -> Result<Option<Note<'_>>, Mismatches> {
    find(&Image::parse(bytes)?).map_err(Mismatches::one)
}

/// # Errors
/// There are several, or it is malformed.
pub(super) fn find<'a>(image: &Image<'a>) -> Result<Option<Note<'a>>, Mismatch> {
    let mut found = Found::default();
    for segment in image.segments {
        match segment.notes(NATIVE, image.bytes) {
            Ok(Some(notes)) => found.collect(notes),
            Ok(None) => {}
            Err(_) => found.malformed = true,
        }
    }
    let mut from = NoteFrom::ProgramHeaders;
    if found.descriptors.is_empty() {
        from = NoteFrom::SectionHeaders;
        found.collect_sections(image);
    }
    match *found.descriptors {
        [] if found.malformed => Err(damaged("note segments that can be read", "malformed ones")),
        [] => Ok(None),
        [descriptor] => parse(descriptor, from).map(Some),
        _ => Err(Mismatch::new(
            format!("one note {NOTE_SECTION}"),
            format!("{} of them", found.descriptors.len()),
            "link one plugin into a library, not several",
        )),
    }
}

#[derive(Default)]
struct Found<'a> {
    descriptors: Vec<&'a [u8]>,
    malformed: bool,
}

impl<'a> Found<'a> {
    fn collect(&mut self, mut notes: NoteIterator<'a, Header>) {
        loop {
            match notes.next() {
                Ok(Some(note)) => {
                    let ours =
                        note.name() == NOTE_NAME.as_bytes() && note.n_type(NATIVE).0 == NOTE_TYPE;
                    // Segments may overlap, so the same note may be seen twice.
                    let seen = self
                        .descriptors
                        .iter()
                        .any(|seen| std::ptr::eq(*seen, note.desc()));
                    if ours && !seen {
                        self.descriptors.push(note.desc());
                    }
                }
                Ok(None) => return,
                Err(_) => {
                    self.malformed = true;
                    return;
                }
            }
        }
    }

    /// Damaged section headers are as good as none: the dynamic linker does not read them.
    fn collect_sections(&mut self, image: &Image<'a>) {
        let Ok(sections) = image.header.sections(NATIVE, image.bytes) else {
            return;
        };
        for section in sections.iter() {
            let named = sections.section_name(NATIVE, section) == Ok(NOTE_SECTION.as_bytes());
            if named && section.sh_type(NATIVE) == elf::SHT_NOTE {
                match section.notes(NATIVE, image.bytes) {
                    Ok(Some(notes)) => self.collect(notes),
                    Ok(None) => {}
                    Err(_) => self.malformed = true,
                }
            }
        }
    }
}

/// # Errors
/// Too short, or in another format.
fn parse(descriptor: &[u8], from: NoteFrom) -> Result<Note<'_>, Mismatch> {
    let Some((&[f0, f1, f2, f3, a0, a1, i0, i1], manifest)) =
        descriptor.split_first_chunk::<FIXED_BYTES>()
    else {
        return Err(damaged(
            "a note with format, ABI version and manifest",
            &format!("{} bytes", descriptor.len()),
        ));
    };
    let format = u32::from_ne_bytes([f0, f1, f2, f3]);
    if format != NOTE_FORMAT {
        return Err(Mismatch::new(
            format!("note format {NOTE_FORMAT}"),
            format!("format {format}"),
            "build the plugin with an SDK or header that goes with this host",
        ));
    }
    Ok(Note {
        abi_major: u16::from_ne_bytes([a0, a1]),
        abi_minor: u16::from_ne_bytes([i0, i1]),
        manifest,
        from,
    })
}

fn damaged(expected: &str, found: &str) -> Mismatch {
    Mismatch::new(
        expected,
        found,
        "build the plugin with the SDK or the C header, and copy it again",
    )
}
