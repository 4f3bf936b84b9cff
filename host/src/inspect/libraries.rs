//! Where the dynamic linker will look for the libraries that a plugin needs.

use std::{
    collections::{BTreeSet, HashSet},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use crate::mismatch::{Mismatch, Mismatches};

const DEFAULT_DIRECTORIES: &[&str] = &["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// The configuration may include others; a chain of them longer than this is a loop.
const MAX_INCLUDES: u32 = 8;

/// The libraries that this process has loaded, and the directories in which it would find more. Made once at boot.
#[derive(Clone, Debug, Default)]
pub struct Libraries {
    loaded: HashSet<OsString>,
    directories: Vec<PathBuf>,
}

impl Libraries {
    /// Those of this process. What cannot be read counts as empty.
    #[must_use]
    pub fn of_this_process() -> Self {
        let loaded = loaded_paths();
        let mut directories = linker_path();
        let beside_loaded: BTreeSet<PathBuf> = loaded
            .iter()
            .filter_map(|path| Some(path.parent()?.to_owned()))
            .collect();
        directories.extend(configured(Path::new("/etc/ld.so.conf"), MAX_INCLUDES));
        directories.extend(DEFAULT_DIRECTORIES.iter().map(PathBuf::from));
        directories.extend(beside_loaded);
        let mut seen = HashSet::new();
        directories.retain(|directory| seen.insert(directory.clone()));
        Self {
            loaded: loaded
                .iter()
                .filter_map(|path| Some(path.file_name()?.to_owned()))
                .collect(),
            directories,
        }
    }

    /// # Errors
    /// Every needed library that would not be found, and search paths that lead nowhere from a memory file.
    pub(super) fn check(&self, search: &[String], needed: &[String]) -> Result<(), Mismatches> {
        let mut mismatches = Mismatches::default();
        let own: Vec<&str> = search.iter().flat_map(|path| path.split(':')).collect();
        for path in own.iter().filter(|path| names_origin(path)) {
            mismatches.push(Mismatch::new(
                "library search paths that do not depend on where the plugin lies",
                format!("{path}, which leads nowhere because a plugin is loaded from a sealed copy in memory"),
                "link what it needs statically, or use an absolute path",
            ));
        }
        for name in needed.iter().filter(|name| !self.finds(&own, name)) {
            mismatches.push(Mismatch::new(
                "every library that it needs on this machine",
                format!("no {name}"),
                format!("install {name}, or link it statically"),
            ));
        }
        if mismatches.is_empty() {
            Ok(())
        } else {
            Err(mismatches)
        }
    }

    fn finds(&self, own: &[&str], name: &str) -> bool {
        if name.contains('/') {
            return Path::new(name).is_file();
        }
        let own = own.iter().map(Path::new).filter(|path| path.is_absolute());
        self.loaded.contains(std::ffi::OsStr::new(name))
            || own
                .chain(self.directories.iter().map(PathBuf::as_path))
                .any(|directory| directory.join(name).is_file())
    }
}

fn names_origin(path: &str) -> bool {
    path.contains("$ORIGIN") || path.contains("${ORIGIN}")
}

fn loaded_paths() -> BTreeSet<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines()
        .filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])))
        .filter(|path| path.is_absolute() && path.to_string_lossy().contains(".so"))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "no configuration of ours: the dynamic linker's own search path, read so that we look where dlopen will"
)]
fn linker_path() -> Vec<PathBuf> {
    let path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|path| path.is_absolute())
        .collect()
}

/// The directories of a file in the form of `ld.so.conf`.
fn configured(file: &Path, includes_left: u32) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .flat_map(|line| match line.strip_prefix("include ") {
            Some(pattern) if includes_left > 0 => included(file, pattern.trim())
                .iter()
                .flat_map(|file| configured(file, includes_left - 1))
                .collect(),
            Some(_) => Vec::new(),
            None if line.starts_with('/') => vec![PathBuf::from(line)],
            None => Vec::new(),
        })
        .collect()
}

/// Files for `dir/*.conf`: the only kind of pattern that distributions write there.
fn included(from: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern = from.parent().unwrap_or(Path::new("/")).join(pattern);
    let (Some(directory), Some(name)) = (
        pattern.parent(),
        pattern.file_name().and_then(|name| name.to_str()),
    ) else {
        return Vec::new();
    };
    let Some((start, end)) = name.split_once('*') else {
        return vec![pattern];
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(start) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libc_is_found_and_nonsense_is_not() {
        let libraries = Libraries::of_this_process();
        libraries.check(&[], &["libc.so.6".to_owned()]).unwrap();
        let from_disk = Libraries {
            loaded: HashSet::new(),
            ..libraries
        };
        from_disk.check(&[], &["libc.so.6".to_owned()]).unwrap();
        let error = from_disk
            .check(&[], &["libnone.so.9".to_owned()])
            .unwrap_err();
        assert!(
            error.to_string().contains("install libnone.so.9"),
            "{error}"
        );
    }

    #[test]
    fn a_search_path_of_its_own_is_used_unless_it_is_relative_to_the_file() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("libown.so"), b"").unwrap();
        let needed = ["libown.so".to_owned()];
        let own = [directory.path().to_str().unwrap().to_owned()];
        Libraries::default().check(&own, &needed).unwrap();
        let origin = ["/lib:$ORIGIN/../lib".to_owned()];
        let error = Libraries::default()
            .check(&origin, &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("$ORIGIN/../lib, which leads nowhere"),
            "{error}"
        );
    }

    #[test]
    fn included_configurations_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let main = directory.path().join("ld.so.conf");
        fs::write(
            &main,
            "include conf.d/*.conf\n/a # comment\ninclude ld.so.conf\n",
        )
        .unwrap();
        fs::create_dir(directory.path().join("conf.d")).unwrap();
        fs::write(directory.path().join("conf.d/b.conf"), "/b\n").unwrap();
        let found = configured(&main, 1);
        assert_eq!(found, ["/b", "/a", "/a"].map(PathBuf::from));
    }
}
