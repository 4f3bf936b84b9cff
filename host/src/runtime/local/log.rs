//! The output of a workspace: written by its supervisor, bounded by one rotation, read by the platform.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::dir::open_private;

/// Appends to a log and moves it to `<name>.1` when it is full, so that twice the limit is the most that a workspace can take.
///
/// It never fails and never waits: a workspace must not hang or die because the disk is full. What could not be
/// written is counted, and said in the log as soon as it can be.
pub(super) struct RotatingLog {
    path: PathBuf,
    file: File,
    len: u64,
    limit: u64,
    lost: u64,
}

impl RotatingLog {
    pub(super) fn open(path: PathBuf, limit: u64) -> io::Result<Self> {
        let file = open_private(&path)?;
        let len = file.metadata()?.len();
        Ok(Self {
            path,
            file,
            len,
            limit,
            lost: 0,
        })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.lost > 0 {
            let note = format!(
                "\n[provisionhook] {} bytes of output could not be written here\n",
                self.lost
            );
            if !self.write(note.as_bytes()) {
                self.lost += bytes.len() as u64;
                return;
            }
            self.lost = 0;
        }
        if !self.write(bytes) {
            self.lost += bytes.len() as u64;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        if self.len > 0 && self.len + bytes.len() as u64 > self.limit {
            self.rotate();
        }
        let done = self.file.write_all(bytes).is_ok();
        // A failed write may have left a part behind.
        self.len = self
            .file
            .metadata()
            .map_or(self.len + bytes.len() as u64, |meta| meta.len());
        done
    }

    /// Where the rotation fails, the full log is emptied instead: the bound holds either way.
    fn rotate(&mut self) {
        let fresh =
            fs::rename(&self.path, rotated(&self.path)).and_then(|()| open_private(&self.path));
        match fresh {
            Ok(file) => self.file = file,
            Err(_) => drop(self.file.set_len(0)),
        }
        self.len = 0;
    }
}

/// The last `tail` bytes of a log, or all of it. A log that does not exist is empty.
pub(super) fn read(path: &Path, tail: Option<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (file, left) in parts(path, tail)? {
        file.take(left).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The files of a log, the older first, each at the place where its last `tail` bytes begin, and how many bytes it has from there.
pub(super) fn parts(path: &Path, tail: Option<u64>) -> io::Result<Vec<(File, u64)>> {
    loop {
        let older = open(&rotated(path))?;
        let newer = open(path)?;
        // If the log was rotated between the two, one part would be missing.
        if inode(older.as_ref())? == inode(open(&rotated(path))?.as_ref())? {
            return place(older, newer, tail);
        }
    }
}

fn place(
    older: Option<File>,
    newer: Option<File>,
    tail: Option<u64>,
) -> io::Result<Vec<(File, u64)>> {
    let mut files: Vec<(File, u64)> = Vec::new();
    for file in [older, newer].into_iter().flatten() {
        let len = file.metadata()?.len();
        files.push((file, len));
    }
    let total: u64 = files.iter().map(|(_, len)| len).sum();
    let mut skip = tail.map_or(0, |tail| total.saturating_sub(tail));
    for (file, len) in &mut files {
        let start = skip.min(*len);
        skip -= start;
        *len -= start;
        file.seek(SeekFrom::Start(start))?;
    }
    Ok(files)
}

pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn inode(file: Option<&File>) -> io::Result<Option<u64>> {
    file.map(|file| Ok(file.metadata()?.ino())).transpose()
}

pub(super) fn rotated(path: &Path) -> PathBuf {
    path.with_added_extension("1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_rotated_and_read_as_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("output.log");
        let mut log = RotatingLog::open(path.clone(), 8).unwrap();
        for part in [b"aaaa", b"bbbb", b"cccc"] {
            log.append(part);
        }
        assert_eq!(read(&path, None).unwrap(), b"aaaabbbbcccc");
        assert_eq!(read(&path, Some(6)).unwrap(), b"bbcccc");
        assert_eq!(read(&path, Some(3)).unwrap(), b"ccc");
        assert_eq!(read(&path, Some(99)).unwrap(), b"aaaabbbbcccc");
        log.append(b"dddd");
        log.append(b"eeee");
        assert_eq!(read(&path, None).unwrap(), b"ccccddddeeee");
    }

    #[test]
    fn an_existing_log_is_continued() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("output.log");
        assert_eq!(read(&path, None).unwrap(), b"");
        RotatingLog::open(path.clone(), 100)
            .unwrap()
            .append(b"one ");
        RotatingLog::open(path.clone(), 100).unwrap().append(b"two");
        assert_eq!(read(&path, None).unwrap(), b"one two");
    }

    #[test]
    fn what_a_full_disk_swallows_is_counted_and_said() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("output.log");
        let mut log = RotatingLog::open(path.clone(), 1000).unwrap();
        log.file = File::options().write(true).open("/dev/full").unwrap();
        log.append(b"lost");
        log.append(b"lost too");
        log.file = open_private(&path).unwrap();
        log.append(b"kept");
        let text = String::from_utf8(read(&path, None).unwrap()).unwrap();
        assert_eq!(
            text,
            "\n[provisionhook] 12 bytes of output could not be written here\nkept"
        );
    }
}
