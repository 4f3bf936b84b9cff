//! The sources of the plugins: the fixture, beside a copy of the ABI crate as an author would get it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use provisionhook_plugin_abi::{
    layout::{self, Field, Model},
    wire::ABI_MINOR,
};

use super::compilers::must;
use crate::{Failure, files};

/// The plugin.
pub(super) const FIXTURE: &str = "tests/fixtures/outside";

const CRATE: &str = "provisionhook-plugin-abi";

/// The minor of a copy.
#[derive(Clone, Copy)]
pub(super) enum Minor {
    /// The platform's.
    Current,
    /// One more, with a field that this platform does not know.
    Next,
}

impl Minor {
    /// The feature of the plugin that uses what this minor has.
    pub(super) fn feature(self) -> &'static str {
        match self {
            Self::Current => "default",
            Self::Next => "next-minor",
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Current => "copy",
            Self::Next => "next",
        }
    }
}

/// Where the plugin's source is.
pub(super) fn plugin(place: &Path, minor: Minor) -> PathBuf {
    place.join(minor.directory()).join("plugin")
}

/// Lays out the plugin and the ABI crate for each minor. The ABI crate comes out of `cargo package`: what it inherits from
/// the workspace is written out.
///
/// # Errors
///
/// When packaging fails, or a file is not as expected.
pub(super) fn lay_out(place: &Path) -> Result<(), Failure> {
    let packages = place.join("build/package");
    if packages.exists() {
        fs::remove_dir_all(&packages)?;
    }
    must(
        Command::new("cargo")
            .args([
                "package",
                "--quiet",
                "--package",
                CRATE,
                "--no-verify",
                "--allow-dirty",
            ])
            .arg("--target-dir")
            .arg(place.join("build"))
            .current_dir(files::path(".")),
    )?;
    let package = fs::read_dir(&packages)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|kind| kind == "crate"))
        .ok_or("expected a package from cargo, found none")?;
    for minor in [Minor::Current, Minor::Next] {
        let place = place.join(minor.directory());
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        let copy = place.join("abi-copy");
        fs::create_dir_all(&copy)?;
        // Cargo packs everything with one date; without `-m` it would not notice what changed.
        let unpack = ["-xmzf".as_ref(), package.as_os_str()];
        must(
            Command::new("tar")
                .args(unpack)
                .arg("-C")
                .arg(&copy)
                .arg("--strip-components=1"),
        )?;
        rename(&copy)?;
        if let Minor::Next = minor {
            advance(&copy)?;
        }
        must(
            Command::new("cp")
                .arg("-R")
                .arg(files::path(FIXTURE))
                .arg(place.join("plugin")),
        )?;
    }
    Ok(())
}

/// Gives the crate another name.
///
/// # Errors
///
/// When the file is not as expected.
fn rename(copy: &Path) -> Result<(), Failure> {
    let manifest = copy.join("Cargo.toml");
    edit(&manifest, CRATE, "vendored-hook-abi")?;
    edit(&manifest, "provisionhook_plugin_abi", "vendored_hook_abi")
}

/// Appends a field to a struct of the host, as the next minor might.
///
/// # Errors
///
/// When a file is not as expected.
fn advance(copy: &Path) -> Result<(), Failure> {
    edit(
        &copy.join("src/wire/prefix.rs"),
        &format!("ABI_MINOR: u16 = {ABI_MINOR};"),
        &format!("ABI_MINOR: u16 = {};", ABI_MINOR + 1),
    )?;
    edit(
        &copy.join("src/wire/subject.rs"),
        "    pub traceparent: Str,\n",
        "    pub traceparent: Str,\n    /// Not before the next minor.\n    pub from_the_future: Str,\n",
    )?;
    edit(
        &copy.join("src/ffi/call.rs"),
        "    fn text(&self, text: Str) -> &str {",
        "    /// Empty: no host has it yet.\n    pub fn from_the_future(&self) -> &str {\n        \
         self.text(self.raw.from_the_future)\n    }\n\n    fn text(&self, text: Str) -> &str {",
    )?;
    let mut golden: Model = layout::GOLDEN.parse()?;
    let call = golden.structs.iter_mut().find(|found| found.name == "Call");
    let call = call.ok_or("expected a struct Call in the golden layout, found none")?;
    call.fields.push(Field {
        name: "from_the_future".to_owned(),
        offset: call.size,
        size: 16,
        kind: "Str".to_owned(),
    });
    call.size += 16;
    Ok(fs::write(
        copy.join("abi-layout.golden"),
        golden.to_string(),
    )?)
}

/// # Errors
///
/// When the file does not hold the old text.
fn edit(file: &Path, old: &str, new: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(file)?;
    if !text.contains(old) {
        return Err(format!(
            "expected {old:?} in {}, found no such text; correct xtask/src/outside/sources.rs",
            file.display()
        )
        .into());
    }
    Ok(fs::write(file, text.replacen(old, new, 1))?)
}
