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
    /// How many bytes were written before the first of `file`.
    start: u64,
    len: u64,
    limit: u64,
    lost: u64,
}

impl RotatingLog {
    pub(super) fn open(path: PathBuf, limit: u64) -> io::Result<Self> {
        let file = open_private(&path)?;
        let len = file.metadata()?.len();
        let start = parts(&path, None)?.pop().map_or(0, |part| part.start);
        Ok(Self {
            path,
            file,
            start,
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
        self.start += self.len;
        self.len = 0;
        // Without it, followers that are too slow are not told so.
        drop(self.note_start());
    }

    fn note_start(&self) -> io::Result<()> {
        let beside = self.path.with_added_extension("new");
        let note = format!("{} {}", self.file.metadata()?.ino(), self.start);
        let mut file = open_private(&beside)?;
        // One that was killed in the middle may have left something.
        file.set_len(0)?;
        file.write_all(note.as_bytes())?;
        fs::rename(beside, noted_start(&self.path))
    }
}

/// One file of a log, at the place where it is to be read from.
pub(super) struct Part {
    pub(super) file: File,
    /// How many bytes were written before the first of the file.
    pub(super) start: u64,
    /// How many bytes there are from the place on.
    pub(super) left: u64,
}

/// The last `tail` bytes of a log, or all of it. A log that does not exist is empty.
pub(super) fn read(path: &Path, tail: Option<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for part in parts(path, tail)? {
        part.file.take(part.left).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// The files of a log, the older first, each at the place where its last `tail` bytes begin.
pub(super) fn parts(path: &Path, tail: Option<u64>) -> io::Result<Vec<Part>> {
    loop {
        let older = open(&rotated(path))?;
        let newer = open(path)?;
        // If the log was rotated between the two, one part would be missing.
        if inode(older.as_ref())? == inode(open(&rotated(path))?.as_ref())? {
            let files = [older, newer].into_iter().flatten();
            let mut parts = begin(files.collect(), noted(path))?;
            place(&mut parts, tail)?;
            return Ok(parts);
        }
    }
}

/// Finds out where the files begin: what is noted is so of one of them, or of none any more.
fn begin(files: Vec<File>, noted: Option<(u64, u64)>) -> io::Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for file in files {
        let found = file.metadata()?;
        let before = parts.last().map_or(0, |part| part.start + part.left);
        let start = match noted {
            Some((inode, start)) if inode == found.ino() => start,
            Some(_) | None => before,
        };
        // The part before this one ends where it begins.
        for part in &mut parts {
            part.start = start.saturating_sub(part.left);
        }
        let left = found.len();
        parts.push(Part { file, start, left });
    }
    Ok(parts)
}

fn place(parts: &mut [Part], tail: Option<u64>) -> io::Result<()> {
    let total: u64 = parts.iter().map(|part| part.left).sum();
    let mut skip = tail.map_or(0, |tail| total.saturating_sub(tail));
    for part in parts {
        let skipped = skip.min(part.left);
        skip -= skipped;
        part.left -= skipped;
        part.file.seek(SeekFrom::Start(skipped))?;
    }
    Ok(())
}

/// Of which file it is noted where it begins, and where. Nothing is noted before the first rotation.
fn noted(path: &Path) -> Option<(u64, u64)> {
    let note = fs::read_to_string(noted_start(path)).ok()?;
    let (inode, start) = note.split_once(' ')?;
    Some((inode.parse().ok()?, start.parse().ok()?))
}

fn noted_start(path: &Path) -> PathBuf {
    path.with_added_extension("start")
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
