//! Reading a log while it is written, across its rotations.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::stream;
use tokio::time::sleep;

use super::{
    entry::{Entry, blocking},
    log, not_found,
};
use crate::runtime::{OutputStream, RuntimeError, RuntimeState};

/// How long a follower rests where there is nothing new. The log has no bell: its writer waits for nobody.
const PAUSE: Duration = Duration::from_millis(100);
/// The most that is read at once, in bytes.
const PIECE: usize = 64 * 1024;

/// A place in a log.
struct Reader {
    path: PathBuf,
    /// Those that are left to read, the one that is written last.
    files: VecDeque<File>,
}

impl Reader {
    /// Begins at the last `tail` bytes.
    fn open(path: &Path, tail: u64) -> io::Result<Self> {
        let parts = log::parts(path, Some(tail))?;
        Ok(Self {
            path: path.to_owned(),
            files: parts.into_iter().map(|(file, _)| file).collect(),
        })
    }

    /// What comes next; empty if nothing does yet.
    fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            // Before the reading: what was written until a rotation is read before what comes after it.
            let moved_on = self.moved_on()?;
            let piece = self.read()?;
            if !piece.is_empty() {
                return Ok(piece);
            }
            if self.files.len() > 1 {
                self.files.pop_front();
            } else if moved_on {
                self.turn()?;
            } else {
                return Ok(piece);
            }
        }
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let Some(file) = self.files.front_mut() else {
            return Ok(Vec::new());
        };
        // A log that could not be rotated is emptied instead.
        let position = file.stream_position()?;
        if file.metadata()?.len() < position {
            file.seek(SeekFrom::Start(0))?;
        }
        let mut piece = vec![0; PIECE];
        let length = file.read(&mut piece)?;
        piece.truncate(length);
        Ok(piece)
    }

    /// Whether the log is written to another file by now than the last that is known.
    fn moved_on(&self) -> io::Result<bool> {
        let newest = log::open(&self.path)?;
        Ok(log::inode(newest.as_ref())? != log::inode(self.files.back())?)
    }

    /// Goes on to what is written now. Of two rotations between two looks the part between is still there.
    fn turn(&mut self) -> io::Result<()> {
        let read = log::inode(self.files.back())?;
        self.files.clear();
        for (file, _) in log::parts(&self.path, None)? {
            if log::inode(Some(&file))? != read {
                self.files.push_back(file);
            }
        }
        Ok(())
    }
}

impl Entry {
    /// What it wrote, from the last `tail` bytes on, and what it goes on to write, until it ends.
    pub(super) async fn follow(self: Arc<Self>, tail: u64) -> Result<OutputStream, RuntimeError> {
        if self.state() == RuntimeState::Absent {
            return Err(not_found(self.id()));
        }
        let path = self.log();
        let reader = blocking(move || Reader::open(&path, tail)).await;
        let reader = reader.map_err(|error| self.unreadable(error))?;
        let output = stream::unfold(Some(reader), move |reader| {
            let entry = Arc::clone(&self);
            async move {
                let (piece, reader) = entry.piece(reader?).await?;
                Some((piece, reader))
            }
        });
        Ok(Box::pin(output))
    }

    /// The next piece, and where to go on; none at the end.
    async fn piece(
        &self,
        mut reader: Reader,
    ) -> Option<(Result<Vec<u8>, RuntimeError>, Option<Reader>)> {
        loop {
            // Before the reading: what was written before the end is read, too.
            let ended = !matches!(self.state(), RuntimeState::Running { .. });
            let read = blocking(move || reader.next().map(|piece| (piece, reader))).await;
            let piece;
            (piece, reader) = match read {
                Ok(read) => read,
                Err(error) => return Some((Err(self.unreadable(error)), None)),
            };
            if !piece.is_empty() {
                return Some((Ok(piece), Some(reader)));
            }
            if ended {
                return None;
            }
            sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::log::RotatingLog, *};

    #[test]
    fn nothing_is_read_twice_or_left_out_across_rotations() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("output.log");
        let mut reader = Reader::open(&path, 100).unwrap();
        assert_eq!(reader.next().unwrap(), b"");
        let mut log = RotatingLog::open(path.clone(), 8).unwrap();
        log.append(b"aaaa");
        assert_eq!(reader.next().unwrap(), b"aaaa");
        log.append(b"bbbb");
        log.append(b"cccc");
        assert_eq!(reader.next().unwrap(), b"bbbb");
        assert_eq!(reader.next().unwrap(), b"cccc");
        assert_eq!(reader.next().unwrap(), b"");
        for part in [b"dddd", b"eeee", b"ffff"] {
            log.append(part);
        }
        let mut rest = Vec::new();
        loop {
            let piece = reader.next().unwrap();
            if piece.is_empty() {
                break;
            }
            rest.extend(piece);
        }
        assert_eq!(rest, b"ddddeeeeffff");
        let mut late = Reader::open(&path, 10).unwrap();
        assert_eq!(late.next().unwrap(), b"dd");
        assert_eq!(late.next().unwrap(), b"eeeeffff");
    }
}
