//! Step 1: the files of the plugin directory that may be plugins.
//!
//! Whoever can write a plugin, or the directory that it lies in, runs code in the platform. So both must belong to root
//! or to the platform's own user, and nobody else may write them.

mod directory;
mod file;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

pub(crate) use self::directory::ownership;
pub use self::{directory::DirectoryError, file::Candidate};
use crate::mismatch::Mismatches;

/// What lies in a plugin directory.
#[derive(Debug, Default)]
pub struct Discovered {
    /// Every `*.so`, by file name.
    pub candidates: Vec<Result<Candidate, DiscoverError>>,
    /// What the operator should look at, such as a config that no plugin file goes with.
    pub warnings: Vec<String>,
}

/// A file that is called like a plugin and is refused for what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: refused at discover: {mismatches}", path.display())]
pub struct DiscoverError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub mismatches: Mismatches,
}

/// Lists the plugin files of `directory`, in the order of their names. Reads no file.
///
/// # Errors
/// The directory itself is missing, cannot be read, or can be written by others.
pub fn discover(directory: &Path) -> Result<Discovered, DirectoryError> {
    let root = directory::check(directory)?;
    let names = directory::file_names(directory)?;
    let mut found = Discovered::default();
    let mut used = BTreeSet::new();
    for name in names.iter().filter(|name| has_extension(name, "so")) {
        let candidate = Candidate::in_directory(directory, &root, name);
        if let Ok(candidate) = &candidate {
            used.extend(candidate.config_names());
        }
        found.candidates.push(candidate);
    }
    for name in names.iter().filter(|name| has_extension(name, "json")) {
        let text = name.to_string_lossy();
        if !used.contains(&*text) && !names.contains(&plugin_of(name)) {
            found.warnings.push(format!(
                "{}: expected a plugin file that this config goes with, found none; rename it to the name of its plugin, or remove it",
                directory.join(name).display()
            ));
        }
    }
    Ok(found)
}

fn has_extension(name: &OsString, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|found| found == extension)
}

/// The plugin file, valid or not, that `config` would go with.
fn plugin_of(config: &OsString) -> OsString {
    Path::new(config).with_extension("so").into_os_string()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
    };

    use super::*;

    fn directory_with(files: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(directory.path().join(file), b"x").unwrap();
            set_mode(&directory.path().join(file), 0o644);
        }
        directory
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn refusal(directory: &Path) -> String {
        let found = discover(directory).unwrap();
        found.candidates[0].as_ref().unwrap_err().to_string()
    }

    #[test]
    fn finds_plugins_by_name_and_their_configs() {
        let directory = directory_with(&[
            "b.so",
            "10-a.so",
            "a.json",
            "readme.txt",
            "c.json",
            "b.json",
            "-5.so",
        ]);
        let found = discover(directory.path()).unwrap();
        let found_names: Vec<_> = found
            .candidates
            .iter()
            .map(|c| c.as_ref().unwrap())
            .map(|c| {
                let config = c
                    .config_path
                    .as_ref()
                    .map(|p| p.file_name().unwrap().to_owned());
                (c.name_hint.clone(), c.order_hint, config)
            })
            .collect();
        assert_eq!(
            found_names,
            [
                ("-5".to_owned(), None, None),
                ("10-a".to_owned(), Some(10), Some("a.json".into())),
                ("b".to_owned(), None, Some("b.json".into())),
            ]
        );
        assert_eq!(found.warnings.len(), 1);
        assert!(found.warnings[0].contains("c.json: expected a plugin file"));
    }

    #[test]
    fn a_directory_that_is_not_there_or_not_one() {
        let directory = directory_with(&["file"]);
        let error = discover(&directory.path().join("none"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("expected a directory, found nothing"),
            "{error}"
        );
        let error = discover(&directory.path().join("file"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("found a file"), "{error}");
    }

    #[test]
    fn what_others_can_write_is_refused() {
        for mode in [0o777, 0o775, 0o1777] {
            let directory = directory_with(&["a.so"]);
            set_mode(directory.path(), mode);
            let error = discover(directory.path()).unwrap_err().to_string();
            assert!(error.contains("chmod go-w"), "{error}");
        }
        for mode in [0o666, 0o664] {
            let directory = directory_with(&["a.so"]);
            set_mode(&directory.path().join("a.so"), mode);
            let error = refusal(directory.path());
            assert!(error.contains(&format!("mode {mode:04o}")), "{error}");
            assert!(error.contains("chmod go-w"), "{error}");
        }
    }

    #[test]
    fn only_regular_files() {
        let directory = directory_with(&[]);
        fs::create_dir(directory.path().join("a.so")).unwrap();
        let error = refusal(directory.path());
        assert!(
            error.contains("expected a regular file, found a directory"),
            "{error}"
        );
    }

    #[test]
    fn links_stay_inside() {
        let outside = directory_with(&["o.so"]);
        let directory = directory_with(&["a-1.so"]);
        symlink("a-1.so", directory.path().join("a.so")).unwrap();
        symlink(outside.path().join("o.so"), directory.path().join("o.so")).unwrap();
        symlink("gone", directory.path().join("z.so")).unwrap();
        let found = discover(directory.path()).unwrap().candidates;
        assert!(found[0].is_ok() && found[1].is_ok());
        let outside = found[2].as_ref().unwrap_err().to_string();
        assert!(outside.contains("found a link to"), "{outside}");
        let dangling = found[3].as_ref().unwrap_err().to_string();
        assert!(dangling.contains("z.so: refused at discover"), "{dangling}");
    }

    #[test]
    fn two_configs_for_one_plugin_are_refused() {
        let directory = directory_with(&["10-a.so", "10-a.json", "a.json"]);
        let error = refusal(directory.path());
        assert!(
            error.contains("expected one config, found 10-a.json and a.json"),
            "{error}"
        );
    }
}
