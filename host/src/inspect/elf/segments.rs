//! The program headers: what the dynamic linker will map and touch.

use object::{
    NativeEndian,
    elf::{self, ProgramType},
    read::elf::ProgramHeader as _,
};

use super::{Segment, truncated};
use crate::mismatch::{Mismatch, Mismatches};

const NATIVE: NativeEndian = NativeEndian;

/// # Errors
/// A segment does not fit into the file, or segments cannot be mapped as they say.
pub(super) fn check(segments: &[Segment], length: usize) -> Result<(), Mismatches> {
    // A file that ends early usually ends before several segments: one sentence, for the one that reaches furthest.
    let outside = segments.iter().filter(|segment| !inside(segment, length));
    if let Some(segment) = outside.max_by_key(|segment| end_in_file(segment)) {
        let (offset, size) = segment.file_range(NATIVE);
        let kind = name(segment.p_type(NATIVE));
        return Err(Mismatches::one(truncated(
            format!("{kind} of {size} bytes at offset {offset} inside the file"),
            length,
        )));
    }
    let mut mismatches = Mismatches::default();
    let loads: Vec<&Segment> = of_type(segments, elf::PT_LOAD).collect();
    if loads.is_empty() {
        mismatches.push(damaged("a PT_LOAD segment", "none"));
    }
    if !loads.iter().all(|load| mappable(load))
        || !loads.windows(2).all(|pair| follows(pair[0], pair[1]))
    {
        mismatches.push(damaged(
            "PT_LOAD segments in ascending order that do not overlap",
            "others",
        ));
    }
    match of_type(segments, elf::PT_DYNAMIC).count() {
        1 => {}
        0 => mismatches.push(damaged("a PT_DYNAMIC segment", "none: a static file")),
        more => mismatches.push(damaged("one PT_DYNAMIC segment", &more.to_string())),
    }
    if mismatches.is_empty() {
        Ok(())
    } else {
        Err(mismatches)
    }
}

fn of_type(segments: &[Segment], kind: ProgramType) -> impl Iterator<Item = &Segment> {
    segments
        .iter()
        .filter(move |segment| segment.p_type(NATIVE) == kind)
}

fn inside(segment: &Segment, length: usize) -> bool {
    let (offset, size) = segment.file_range(NATIVE);
    let end = offset
        .checked_add(size)
        .and_then(|end| usize::try_from(end).ok());
    size == 0 || end.is_some_and(|end| end <= length)
}

fn end_in_file(segment: &Segment) -> u64 {
    let (offset, size) = segment.file_range(NATIVE);
    offset.saturating_add(size)
}

fn mappable(load: &Segment) -> bool {
    let align = load.p_align(NATIVE);
    load.p_filesz(NATIVE) <= load.p_memsz(NATIVE)
        && end_of(load).is_some()
        && (align <= 1
            || align.is_power_of_two()
                && load.p_vaddr(NATIVE) % align == load.p_offset(NATIVE) % align)
}

fn follows(one: &Segment, next: &Segment) -> bool {
    end_of(one).is_some_and(|end| end <= next.p_vaddr(NATIVE))
}

fn end_of(load: &Segment) -> Option<u64> {
    load.p_vaddr(NATIVE).checked_add(load.p_memsz(NATIVE))
}

fn name(kind: ProgramType) -> String {
    match kind {
        elf::PT_LOAD => "the PT_LOAD segment".to_owned(),
        elf::PT_DYNAMIC => "the PT_DYNAMIC segment".to_owned(),
        elf::PT_NOTE => "the PT_NOTE segment".to_owned(),
        other => format!("the segment of type {:#x}", other.0),
    }
}

fn damaged(expected: &str, found: &str) -> Mismatch {
    Mismatch::new(
        expected,
        found,
        "build it as a shared library (cdylib, or cc -shared), and copy it again",
    )
}
