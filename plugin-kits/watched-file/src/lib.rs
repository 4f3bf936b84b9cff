//! An operator's file as a plugin reads it: a regular file of bounded size, with a stamp that tells whether it has changed.
#![forbid(unsafe_code)]

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// All permission bits of others than the owner.
const OTHERS_ANYTHING: u32 = 0o077;

/// Permission bits that let others than the owner read.
const OTHERS_READ: u32 = 0o044;

/// Permission bits that let others than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// A FIFO that was put in the file's place must not hold the plugin up. The value is Linux's, on every machine that the platform runs on.
const NONBLOCK: i32 = 0o4000;

/// Changes whenever a file is written, replaced, or given another mode or owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
    modified: (i64, i64),
}

impl Stamp {
    /// The stamp of what is at `path` now, be it a file or a directory; none if nothing is.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn of(path: &Path) -> Result<Option<Self>, String> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::from(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(path, &error)),
        }
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// A file that is open. What is asked of it is true of what will be read, whatever happens to the path meanwhile.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    file: File,
    metadata: Metadata,
}

impl Opened {
    /// Opens a regular file.
    ///
    /// # Errors
    /// It cannot be opened, or is something else.
    pub fn open(path: &Path) -> Result<Self, String> {
        let unreadable = |error| unreadable(path, &error);
        let file = File::options()
            .read(true)
            .custom_flags(NONBLOCK)
            .open(path)
            .map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(format!(
                "{}: expected a regular file, found something else; put the file there",
                path.display()
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            metadata,
        })
    }

    /// Its stamp.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp::from(&self.metadata)
    }

    /// # Errors
    /// Others than the owner may read it.
    pub fn check_private(&self) -> Result<(), String> {
        self.check_mode(OTHERS_ANYTHING, "0600", "read the secrets", "600")
    }

    /// # Errors
    /// Others than the owner may write it.
    pub fn check_owned(&self) -> Result<(), String> {
        self.check_mode(OTHERS_WRITE, "0644", "change it", "go-w")
    }

    /// Whether others than the owner may read it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.metadata.mode() & OTHERS_READ != 0
    }

    /// # Errors
    /// The mode has one of the forbidden bits.
    fn check_mode(
        &self,
        forbidden: u32,
        expected: &str,
        deed: &str,
        mend: &str,
    ) -> Result<(), String> {
        let mode = self.metadata.mode() & 0o7777;
        if mode & forbidden == 0 {
            return Ok(());
        }
        let path = self.path.display();
        Err(format!(
            "{path}: expected mode {expected}, found {mode:04o}: others may {deed}; run `chmod {mend} {path}`"
        ))
    }

    /// All that is in it.
    ///
    /// # Errors
    /// It cannot be read, or is longer than `most` bytes.
    pub fn read(self, most: u64) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut bytes = Zeroizing::new(Vec::new());
        self.file
            .take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(&self.path, &error))?;
        if bytes.len() as u64 > most {
            return Err(format!(
                "{}: expected at most {most} bytes, found more; is this the right file?",
                self.path.display()
            ));
        }
        Ok(bytes)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!(
        "cannot read {}: {error}; check the path and that the platform may read it",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_mode_that_is_too_wide_is_told_with_the_command_that_mends_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        write(&path, "x", 0o640);
        let opened = Opened::open(&path).unwrap();
        let error = opened.check_private().unwrap_err();
        assert!(
            error.contains("found 0640") && error.contains("chmod 600 /"),
            "{error}"
        );
        assert!(opened.check_owned().is_ok() && opened.is_public());
        write(&path, "x", 0o662);
        let error = Opened::open(&path).unwrap().check_owned().unwrap_err();
        assert!(error.contains("chmod go-w"), "{error}");
        write(&path, "x", 0o600);
        let opened = Opened::open(&path).unwrap();
        assert!(opened.check_private().is_ok() && !opened.is_public());
    }

    #[test]
    fn the_stamp_tells_a_replacement_of_the_same_size() {
        let directory = tempfile::tempdir().unwrap();
        let (path, beside) = (directory.path().join("f"), directory.path().join("new"));
        assert_eq!(Stamp::of(&path), Ok(None));
        write(&path, "1", 0o600);
        let before = Stamp::of(&path).unwrap().unwrap();
        assert_eq!(Opened::open(&path).unwrap().stamp(), before);
        write(&beside, "2", 0o600);
        fs::rename(&beside, &path).unwrap();
        assert_ne!(Stamp::of(&path).unwrap().unwrap(), before);
    }

    #[test]
    fn what_is_no_file_or_too_long_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = Opened::open(directory.path()).unwrap_err();
        assert!(error.contains("expected a regular file"), "{error}");
        let path = directory.path().join("f");
        write(&path, "123", 0o600);
        assert_eq!(*Opened::open(&path).unwrap().read(3).unwrap(), b"123");
        let error = Opened::open(&path).unwrap().read(2).unwrap_err();
        assert!(error.contains("at most 2 bytes"), "{error}");
        let error = Opened::open(&directory.path().join("none")).unwrap_err();
        assert!(error.contains("cannot read"), "{error}");
    }
}
