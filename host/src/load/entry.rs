//! Step 8: the entry symbol and the tables of the capabilities, checked whole before any of them is called.

#![expect(unsafe_code, reason = "reads the plugin's entry and its tables")]

mod tables;

use std::{ffi::c_void, mem};

use provisionhook_plugin_abi::{
    layout::{self, LayoutError},
    wire::{self, Bytes, Host, Instance, Poll, Reply, Str},
};

pub(super) use self::tables::{
    Capabilities, ContributeFn, Lifecycle, LifecycleFn, MutateFn, TokenFn,
};
use super::pointer::{self, BadPointer};
use crate::{manifest::Manifest, mismatch::Mismatch};

/// What to do about a defect that only the author can mend.
const ASK_AUTHOR: &str = "this is a defect of the plugin: report it to its author";

pub(super) type CreateFn =
    unsafe extern "C" fn(*const Host, Bytes, *mut Reply, *mut *mut Instance) -> Poll;
pub(super) type DestroyFn = unsafe extern "C" fn(*mut Instance);
type ExtensionFn = unsafe extern "C" fn(Str) -> *const c_void;

/// What the note in the plugin's file said, which its entry must repeat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) manifest_json: &'a [u8],
    pub(super) abi: (u16, u16),
}

/// The functions of a plugin. None of them is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Functions {
    pub(super) create: CreateFn,
    pub(super) destroy: DestroyFn,
    pub(super) capabilities: Capabilities,
}

/// Checks the entry and asks for the tables.
///
/// # Safety
/// `entry` comes from `dlsym` for the entry symbol of a library that is never unloaded; it is not null.
pub(super) unsafe fn functions(
    entry: *const wire::Entry,
    promise: Promise<'_>,
) -> Result<Functions, Mismatch> {
    // SAFETY: the caller's promise.
    let entry = unsafe { read_entry(entry) }?;
    check_version(entry.prefix, promise.abi)?;
    // SAFETY: the entry's manifest is constant data of a library that is never unloaded.
    let manifest = unsafe { pointer::bytes(entry.manifest) };
    check_manifest(manifest, promise.manifest_json)?;
    if !entry.rust_layout.is_null() && promise.manifest.layout != layout::FINGERPRINT {
        // SAFETY: the layout of an entry that lives for ever, whose prefix and manifest were found good.
        unsafe { layout::check(entry.rust_layout) }.map_err(other_layout)?;
    }
    let create = entry.create.ok_or_else(|| missing("the entry", "create"))?;
    let destroy = entry
        .destroy
        .ok_or_else(|| missing("the entry", "destroy"))?;
    let extension = entry
        .extension
        .ok_or_else(|| missing("the entry", "extension"))?;
    Ok(Functions {
        create,
        destroy,
        capabilities: Capabilities::new(extension, &promise.manifest.capabilities)?,
    })
}

/// Copies the entry once its prefix says that all of it is there.
///
/// # Safety
/// As for [`functions`].
unsafe fn read_entry(entry: *const wire::Entry) -> Result<wire::Entry, Mismatch> {
    if !entry.is_aligned() {
        return Err(Mismatch::new(
            format!("an entry aligned to {} bytes", align_of::<wire::Entry>()),
            format!("one at {entry:p}"),
            ASK_AUTHOR,
        ));
    }
    // SAFETY: aligned, not null, and a data symbol of that name has at least the frozen prefix.
    let prefix = unsafe { entry.cast::<wire::Prefix>().read() };
    if prefix.magic != wire::MAGIC {
        return Err(Mismatch::new(
            format!("the entry to begin with the magic {:#018x}", wire::MAGIC),
            format!("{:#018x}", prefix.magic),
            ASK_AUTHOR,
        ));
    }
    if prefix.abi_major != wire::ABI_MAJOR {
        return Err(Mismatch::new(
            format!("an entry for ABI major {}", wire::ABI_MAJOR),
            format!("ABI {}.{}", prefix.abi_major, prefix.abi_minor),
            "get a build of the plugin for this host",
        ));
    }
    let required = size_of::<wire::Entry>();
    if usize::try_from(prefix.struct_size).unwrap_or(usize::MAX) < required {
        return Err(Mismatch::new(
            format!("an entry of at least {required} bytes"),
            format!("one that says it has {}", prefix.struct_size),
            ASK_AUTHOR,
        ));
    }
    // SAFETY: aligned, not null, and its maker says that it covers an Entry.
    Ok(unsafe { entry.read() })
}

fn check_version(prefix: wire::Prefix, note: (u16, u16)) -> Result<(), Mismatch> {
    let found = (prefix.abi_major, prefix.abi_minor);
    if found == note {
        return Ok(());
    }
    Err(Mismatch::new(
        format!(
            "the entry to be of ABI {}.{}, as the note in the file says",
            note.0, note.1
        ),
        format!("ABI {}.{}", found.0, found.1),
        "rebuild the plugin so that both come from one header",
    ))
}

fn check_manifest(found: Result<&[u8], BadPointer>, note: &[u8]) -> Result<(), Mismatch> {
    let expected = "the entry to repeat the manifest in the note byte for byte";
    let found = match found {
        Ok(found) if found == note => return Ok(()),
        Ok(found) => {
            let same = found.iter().zip(note).take_while(|(a, b)| a == b).count();
            format!(
                "{} bytes against {} in the note, the first difference at byte {same}",
                found.len(),
                note.len()
            )
        }
        Err(bad) => format!("one that {bad}"),
    };
    Err(Mismatch::new(
        expected,
        found,
        "rebuild the plugin so that both come from one source",
    ))
}

/// The first difference only: the rest of it is seldom of use, and never short.
fn other_layout(error: LayoutError) -> Mismatch {
    let (expected, found) = match error {
        LayoutError::Differs(difference) => (
            format!(
                "{} of the plugin's contract to be {}",
                difference.place(),
                difference.expected()
            ),
            difference.found().to_owned(),
        ),
        LayoutError::Format { expected, found } => (
            format!("a layout as abi_stable 0.{expected} describes it"),
            format!("one of abi_stable 0.{found}"),
        ),
        LayoutError::NoRoot => (
            "the root of the plugin's layout".to_owned(),
            "null".to_owned(),
        ),
        LayoutError::Unreadable(bad) => (
            "a layout that can be read".to_owned(),
            format!("one of which this is said: {bad}"),
        ),
    };
    Mismatch::new(
        expected,
        found,
        "rebuild the plugin with the provisionhook-plugin-abi crate of this host",
    )
}

fn missing(table: &str, function: &str) -> Mismatch {
    Mismatch::new(
        format!("the function {function} in {table}"),
        "null",
        "fill it in; a table is whole or not there at all",
    )
}

const _: () = assert!(
    mem::offset_of!(wire::Entry, prefix) == 0,
    "the prefix opens the entry"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_differs_says_where() {
        let found = check_manifest(Ok(b"{\"name\":\"b\"}"), b"{\"name\":\"a\"}")
            .unwrap_err()
            .to_string();
        assert_eq!(
            found,
            "expected the entry to repeat the manifest in the note byte for byte, found 12 bytes against 12 in the \
             note, the first difference at byte 9; rebuild the plugin so that both come from one source"
        );
    }

    #[test]
    fn an_entry_of_another_minor_than_its_note_is_refused() {
        let prefix = wire::Prefix {
            magic: wire::MAGIC,
            struct_size: 64,
            abi_major: 0,
            abi_minor: 1,
        };
        assert!(check_version(prefix, (0, 1)).is_ok());
        assert!(
            check_version(prefix, (0, 2))
                .unwrap_err()
                .found
                .contains("ABI 0.1")
        );
    }
}
