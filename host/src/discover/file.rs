//! One file of the plugin directory.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use super::{DiscoverError, directory::ownership};
use crate::mismatch::{Mismatch, Mismatches};

/// A regular file, named and owned as a plugin should be. Nothing in it has been read.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The file, as named in the plugin directory.
    pub path: PathBuf,
    /// The file name without `.so`.
    pub name_hint: String,
    /// The config that lies beside it: `<name>.json`, with or without the number in front.
    pub config_path: Option<PathBuf>,
    /// The number that the file name starts with, as in `10-name.so`.
    pub order_hint: Option<i64>,
    /// Where `path` leads once links are followed.
    target: PathBuf,
    /// INVARIANT: device and inode of the file whose owner and mode were checked.
    identity: (u64, u64),
}

impl Candidate {
    /// A file outside of any plugin directory, for tools that look at one file.
    ///
    /// # Errors
    /// It is not a regular file, or not owned as a plugin should be.
    pub fn file(path: &Path) -> Result<Self, DiscoverError> {
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self::new(path.to_owned(), parent, name, None)
    }

    /// # Errors
    /// As for [`Candidate::file`], or a link leads out of `root`, the real path of `directory`.
    pub(super) fn in_directory(
        directory: &Path,
        root: &Path,
        name: &OsStr,
    ) -> Result<Self, DiscoverError> {
        Self::new(directory.join(name), directory, name, Some(root))
    }

    /// Opens the file that was checked, and no other.
    ///
    /// # Errors
    /// It cannot be opened, or is no longer that file.
    pub(crate) fn open(&self) -> Result<File, Mismatch> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::open(&self.target, flags, Mode::empty())
            .map(File::from)
            .map_err(|error| unreadable(&error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&error))?;
        if identity(&metadata) != self.identity || !ownership(&self.path, &metadata).is_empty() {
            return Err(Mismatch::new(
                "the file that was checked a moment ago",
                "another one under its name",
                "start again once nobody replaces plugins any more",
            ));
        }
        Ok(file)
    }

    /// The names that its config may have.
    pub(super) fn config_names(&self) -> Vec<String> {
        config_names(&self.name_hint)
    }

    /// # Errors
    /// All that is wrong with it.
    fn new(
        path: PathBuf,
        directory: &Path,
        name: &OsStr,
        root: Option<&Path>,
    ) -> Result<Self, DiscoverError> {
        let refuse = |mismatches| DiscoverError {
            path: path.clone(),
            mismatches,
        };
        let one = |mismatch| refuse(Mismatches::one(mismatch));
        let stem = Path::new(name)
            .file_stem()
            .and_then(OsStr::to_str)
            .ok_or_else(|| {
                one(Mismatch::new(
                    "a file name in UTF-8",
                    "other bytes",
                    "rename it",
                ))
            })?;
        let target = fs::canonicalize(&path).map_err(|error| one(unreadable(&error)))?;
        let metadata = fs::metadata(&target).map_err(|error| one(unreadable(&error)))?;
        if !metadata.is_file() {
            let found = if metadata.is_dir() {
                "a directory"
            } else {
                "a special file"
            };
            return Err(one(Mismatch::new(
                "a regular file",
                found,
                "remove it from the plugin directory",
            )));
        }
        let mut mismatches = ownership(&path, &metadata);
        if let Some(root) = root {
            mismatches.0.extend(link_stays_inside(&target, root).0);
        }
        let config_path = config_beside(directory, stem).unwrap_or_else(|mismatch| {
            mismatches.push(mismatch);
            None
        });
        if !mismatches.is_empty() {
            return Err(refuse(mismatches));
        }
        Ok(Self {
            name_hint: stem.to_owned(),
            config_path,
            order_hint: split_number(stem).map(|(number, _)| number),
            identity: identity(&metadata),
            target,
            path,
        })
    }
}

/// A link must not lead out of the directory, and every directory on its way is as safe as the plugin directory.
fn link_stays_inside(target: &Path, root: &Path) -> Mismatches {
    if !target.starts_with(root) {
        return Mismatches::one(Mismatch::new(
            format!("a file inside {}", root.display()),
            format!("a link to {}", target.display()),
            "copy the file into the plugin directory",
        ));
    }
    let between = target
        .ancestors()
        .skip(1)
        .take_while(|ancestor| *ancestor != root);
    for directory in between {
        let mismatches = match fs::metadata(directory) {
            Ok(metadata) => ownership(directory, &metadata),
            Err(error) => Mismatches::one(unreadable(&error)),
        };
        if !mismatches.is_empty() {
            return mismatches;
        }
    }
    Mismatches::default()
}

/// # Errors
/// There are two.
fn config_beside(directory: &Path, stem: &str) -> Result<Option<PathBuf>, Mismatch> {
    let mut present = config_names(stem)
        .into_iter()
        .filter(|name| directory.join(name).symlink_metadata().is_ok());
    match (present.next(), present.next()) {
        (Some(first), Some(second)) => Err(Mismatch::new(
            "one config",
            format!("{first} and {second}"),
            "remove one of them",
        )),
        (first, _) => Ok(first.map(|name| directory.join(name))),
    }
}

fn config_names(stem: &str) -> Vec<String> {
    let without_number = split_number(stem).map(|(_, rest)| rest);
    [Some(stem), without_number]
        .into_iter()
        .flatten()
        .map(|name| format!("{name}.json"))
        .collect()
}

/// `10-name` is 10 and `name`.
fn split_number(stem: &str) -> Option<(i64, &str)> {
    let (number, rest) = stem.split_once('-')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse() {
        Ok(number) if digits && !rest.is_empty() => Some((number, rest)),
        _ => None,
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn unreadable(error: &dyn std::error::Error) -> Mismatch {
    Mismatch::new(
        "a file that the platform can read",
        error.to_string(),
        "let the platform's user read it, or remove it",
    )
}
