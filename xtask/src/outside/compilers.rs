//! Other Rust compilers: those that Debian packages, unpacked side by side and not installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Failure;

/// What the ABI crate needs: its `rust-version`.
const OLDEST: (u32, u32) = (1, 85);

/// Packages with a compiler, each with its standard library.
const PACKAGES: [(&str, &str); 2] = [
    ("rustc-web", "libstd-rust-web-dev"),
    ("rustc", "libstd-rust-dev"),
];

/// A compiler, driven by the cargo that is installed.
pub(super) struct Compiler {
    /// `own`, or `rustc-MAJOR.MINOR`.
    pub(super) name: String,
    /// Where it is unpacked; none for the platform's own.
    root: Option<PathBuf>,
}

impl Compiler {
    /// The platform's own.
    pub(super) fn own() -> Self {
        Self {
            name: "own".to_owned(),
            root: None,
        }
    }

    /// Makes cargo use it.
    pub(super) fn drive(&self, cargo: &mut Command) {
        let Some(root) = &self.root else { return };
        cargo.env("RUSTC", root.join("usr/bin/rustc"));
        cargo.env("LD_LIBRARY_PATH", root.join("usr/lib").join(multiarch()));
    }
}

/// Every other compiler that apt offers, or that is there from an earlier run. At least one.
///
/// # Errors
///
/// When there is none, or it cannot be fetched.
pub(super) fn others(place: &Path) -> Result<Vec<Compiler>, Failure> {
    let place = place.join("compilers");
    fs::create_dir_all(&place)?;
    let mut there = unpacked(&place)?;
    if there.is_empty() {
        for offer in offers()? {
            fetch(&offer, &place)?;
        }
        there = unpacked(&place)?;
    }
    Ok(there)
}

/// A package that apt knows.
struct Offer {
    compiler: &'static str,
    library: &'static str,
    version: String,
    minor: (u32, u32),
}

/// # Errors
///
/// When apt knows none.
fn offers() -> Result<Vec<Offer>, Failure> {
    let mut found = known()?;
    if found.is_empty() {
        // An image without package lists. Where this is not allowed the sentence below says what to do.
        let _ = Command::new("apt-get").args(["update", "-qq"]).status();
        found = known()?;
    }
    if found.is_empty() {
        return Err(
            "expected a package rustc-web or rustc of at least 1.85 that apt can download, found none; run `sudo \
             apt-get update` and try again"
                .into(),
        );
    }
    Ok(found)
}

/// The newest package of each minor, among those that are new enough.
///
/// # Errors
///
/// When apt cannot be asked.
fn known() -> Result<Vec<Offer>, Failure> {
    let mut found: Vec<Offer> = Vec::new();
    for (compiler, library) in PACKAGES {
        let answer = Command::new("apt-cache")
            .args(["madison", compiler])
            .output()?;
        let answer = String::from_utf8(answer.stdout)?;
        let versions = answer.lines().filter_map(|line| line.split('|').nth(1));
        for version in versions.map(str::trim) {
            let Some(minor) = minor(version) else {
                continue;
            };
            if minor >= OLDEST && found.iter().all(|offer| offer.minor != minor) {
                found.push(Offer {
                    compiler,
                    library,
                    version: version.to_owned(),
                    minor,
                });
            }
        }
    }
    Ok(found)
}

/// `1.85.0+dfsg3-1~deb12u3` is of 1.85.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Downloads a compiler with all that it needs and the system does not have, and unpacks it.
///
/// # Errors
///
/// When apt or dpkg fails; it has said why.
fn fetch(offer: &Offer, place: &Path) -> Result<(), Failure> {
    let name = format!("rustc-{}.{}", offer.minor.0, offer.minor.1);
    let (archives, unpacking) = (place.join("archives"), place.join("unpacking"));
    for leftover in [&archives, &unpacking] {
        if leftover.exists() {
            fs::remove_dir_all(leftover)?;
        }
    }
    fs::create_dir_all(archives.join("partial"))?;
    let mut apt = Command::new("apt-get");
    apt.args([
        "install",
        "--download-only",
        "--no-install-recommends",
        "-y",
        "-qq",
    ])
    .arg("-o")
    .arg(format!("Dir::Cache::Archives={}", archives.display()))
    .args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"])
    .arg(format!("{}={}", offer.compiler, offer.version))
    .arg(format!("{}={}", offer.library, offer.version));
    must(&mut apt)?;
    for package in fs::read_dir(&archives)? {
        let package = package?.path();
        if package.extension().is_some_and(|kind| kind == "deb") {
            must(
                Command::new("dpkg-deb")
                    .arg("-x")
                    .arg(&package)
                    .arg(&unpacking),
            )?;
        }
    }
    fs::remove_dir_all(&archives)?;
    // Under its name only once it is whole.
    Ok(fs::rename(&unpacking, place.join(name))?)
}

/// # Errors
///
/// When it cannot be run, or fails.
pub(super) fn must(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().display().to_string();
    let status = command
        .status()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("expected {program} to succeed, found {status}; it has said why above").into())
    }
}

/// # Errors
///
/// When the directory cannot be read.
fn unpacked(place: &Path) -> Result<Vec<Compiler>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("rustc-") {
            found.push(Compiler {
                name,
                root: Some(entry.path()),
            });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Debian's name of the directory that libraries are in.
fn multiarch() -> String {
    format!("{}-linux-gnu", env::consts::ARCH)
}
