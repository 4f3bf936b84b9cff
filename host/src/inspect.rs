//! Steps 2, 4 and 5: the sealed copy, its ELF structure, its note and manifest. No code of the plugin runs here, and
//! nothing is mapped: a library runs its constructors while it is loaded, so a check after that would be too late.

mod elf;
mod libraries;
mod manifest;
mod note;

use std::path::PathBuf;

use provisionhook_plugin_abi::wire::{ENTRY_SYMBOL, NOTE_SECTION};

pub use self::{
    libraries::Libraries,
    manifest::{MAX_MANIFEST_BYTES, SUPPORTED_CAPABILITIES, parse as parse_manifest},
    note::{Note, NoteFrom, read as read_note},
};
use crate::{
    discover::Candidate,
    manifest::Manifest,
    mismatch::{Mismatch, Mismatches},
    sealed::SealedFile,
    stage::Stage,
};

/// A plugin file whose bytes are sealed, whose ELF structure is sound, and whose manifest this host understands.
#[derive(Debug)]
pub struct Inspected {
    pub(crate) candidate: Candidate,
    pub(crate) sealed: SealedFile,
    pub(crate) sha256: String,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_json: Vec<u8>,
    pub(crate) abi: (u16, u16),
    pub(crate) note_from: NoteFrom,
    pub(crate) warnings: Vec<String>,
}

/// A file that is not a plugin that this host can run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: refused at {stage}: {mismatches}", path.display())]
pub struct InspectError {
    /// The file.
    pub path: PathBuf,
    /// Which check.
    pub stage: Stage,
    /// What is wrong with it.
    pub mismatches: Mismatches,
    /// Its name, if the manifest could be read.
    pub name: Option<Box<str>>,
    /// Its version, if the manifest could be read.
    pub version: Option<Box<str>>,
    /// Digest of the file, once it was read.
    pub sha256: Option<Box<str>>,
}

/// Copies the file and checks the copy. `libraries` is where its dependencies are looked for.
///
/// # Errors
/// The file cannot be copied, is not a sound shared library for this machine, or has no manifest that this host understands.
pub fn inspect(candidate: Candidate, libraries: &Libraries) -> Result<Inspected, InspectError> {
    let mut error = InspectError {
        path: candidate.path.clone(),
        stage: Stage::Seal,
        mismatches: Mismatches::default(),
        name: None,
        version: None,
        sha256: None,
    };
    let copied = candidate
        .open()
        .and_then(|file| SealedFile::copy(file, &candidate.name_hint));
    let (sealed, bytes, sha256) = match copied {
        Ok(copied) => copied,
        Err(mismatch) => {
            error.mismatches = Mismatches::one(mismatch);
            return Err(error);
        }
    };
    error.sha256 = Some(sha256.as_str().into());
    match check(&bytes, libraries) {
        Ok(Checked {
            note,
            manifest,
            warnings,
        }) => Ok(Inspected {
            abi: (note.abi_major, note.abi_minor),
            note_from: note.from,
            manifest_json: note.manifest.to_vec(),
            candidate,
            sealed,
            sha256,
            manifest,
            warnings,
        }),
        Err(refusal) => {
            error.stage = refusal.stage;
            error.mismatches = refusal.mismatches;
            (error.name, error.version) = refusal
                .identity
                .map(|(name, version)| (name.into(), version.into()))
                .unzip();
            Err(error)
        }
    }
}

impl Inspected {
    /// The file that it was copied from.
    #[must_use]
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// Digest of the file, in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What it says of itself. Only the capabilities that this host supports are left in it.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest as it stands in the file.
    #[must_use]
    pub fn manifest_json(&self) -> &[u8] {
        &self.manifest_json
    }

    /// ABI major and minor that it was built for.
    #[must_use]
    pub fn abi(&self) -> (u16, u16) {
        self.abi
    }

    /// Where in the file the note was found.
    #[must_use]
    pub fn note_from(&self) -> NoteFrom {
        self.note_from
    }

    /// What the operator should look at although it is no reason to refuse.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

struct Checked<'a> {
    note: Note<'a>,
    manifest: Manifest,
    warnings: Vec<String>,
}

struct Refusal {
    stage: Stage,
    mismatches: Mismatches,
    identity: Option<(String, String)>,
}

impl Refusal {
    fn at(stage: Stage) -> impl Fn(Mismatches) -> Self {
        move |mismatches| Self {
            stage,
            mismatches,
            identity: None,
        }
    }
}

/// # Errors
/// What the first stage that fails has to say.
fn check<'a>(bytes: &'a [u8], libraries: &Libraries) -> Result<Checked<'a>, Refusal> {
    let image = elf::Image::parse(bytes).map_err(Refusal::at(Stage::Elf))?;
    let found = note::find(&image).map_err(Mismatches::one);
    let note = match found.map_err(Refusal::at(Stage::Manifest))? {
        Some(note) => note,
        None => {
            return Err(Refusal::at(Stage::Manifest)(not_a_plugin(
                image.exports_entry(ENTRY_SYMBOL),
            )));
        }
    };
    let parsed = manifest::parse(&note).map_err(|refused| Refusal {
        stage: Stage::Manifest,
        mismatches: refused.mismatches,
        identity: refused.identity,
    })?;
    let identity = (
        parsed.manifest.name.clone(),
        parsed.manifest.version.clone(),
    );
    let refuse = |mismatches| Refusal {
        stage: Stage::Elf,
        mismatches,
        identity: Some(identity),
    };
    if !image.exports_entry(&parsed.manifest.entry) {
        return Err(refuse(Mismatches::one(elf::no_entry(
            &parsed.manifest.entry,
        ))));
    }
    image.dependencies(libraries).map_err(refuse)?;
    let mut warnings = parsed.warnings;
    if note.from == NoteFrom::SectionHeaders {
        warnings.push(
            "expected the note in a PT_NOTE segment, found it through the section headers only; do not rewrite the library with tools that move notes, such as old versions of patchelf".to_owned(),
        );
    }
    Ok(Checked {
        note,
        manifest: parsed.manifest,
        warnings,
    })
}

fn not_a_plugin(entry: bool) -> Mismatches {
    let found = if entry {
        "the entry symbol without a note"
    } else {
        "neither note nor entry symbol: not a plugin"
    };
    Mismatches::one(Mismatch::new(
        format!("a note {} that holds the manifest", NOTE_SECTION),
        found,
        "build it with the plugin SDK or the C header, or move it out of the plugin directory",
    ))
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
