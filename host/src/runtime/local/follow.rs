//! Reading a log while it is written, across its rotations.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::stream;
use tokio::time::sleep;

use super::{
    entry::{Entry, blocking},
    log::{self, Part},
    not_found,
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
    files: VecDeque<Part>,
}

impl Reader {
    /// Begins at the last `tail` bytes.
    fn open(path: &Path, tail: u64) -> io::Result<Self> {
        let parts = log::parts(path, Some(tail))?;
        Ok(Self {
            path: path.to_owned(),
            files: parts.into(),
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
                let lost = self.turn()?;
                if lost > 0 {
                    return Ok(left_out(lost));
                }
            } else {
                return Ok(piece);
            }
        }
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let Some(Part { file, .. }) = self.files.front_mut() else {
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
        let known = self.files.back().map(|part| &part.file);
        Ok(log::inode(newest.as_ref())? != log::inode(known)?)
    }

    /// Goes on to what is written now, and says how many bytes between are not there any more. Of two rotations between two looks the
    /// part between still is.
    fn turn(&mut self) -> io::Result<u64> {
        let read = self.files.pop_back();
        let known = log::inode(read.as_ref().map(|part| &part.file))?;
        for part in log::parts(&self.path, None)? {
            if log::inode(Some(&part.file))? != known {
                self.files.push_back(part);
            }
        }
        let (Some(mut read), Some(next)) = (read, self.files.front()) else {
            return Ok(0);
        };
        let reached = read.start + read.file.stream_position()?;
        Ok(next.start.saturating_sub(reached))
    }
}

/// What stands in a stream for what its reader was too slow for.
fn left_out(bytes: u64) -> Vec<u8> {
    let note = format!(
        "\n[provisionhook] {bytes} bytes of output are left out here: they were written faster than they were read\n"
    );
    note.into_bytes()
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

    #[test]
    fn a_reader_that_is_too_slow_is_told_how_much_it_has_missed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("output.log");
        let mut log = RotatingLog::open(path.clone(), 8).unwrap();
        log.append(b"aaaa");
        let mut reader = Reader::open(&path, 100).unwrap();
        assert_eq!(reader.next().unwrap(), b"aaaa");
        let rest = |reader: &mut Reader| {
            let pieces = std::iter::from_fn(|| Some(reader.next().unwrap()));
            let pieces = pieces.take_while(|piece| !piece.is_empty());
            String::from_utf8(pieces.collect::<Vec<_>>().concat()).unwrap()
        };
        // Of five rotations, the parts of two are there.
        for byte in b'b'..=b'k' {
            log.append(&[byte; 4]);
        }
        let note = |bytes: u64| String::from_utf8(left_out(bytes)).unwrap();
        let found = rest(&mut reader);
        assert_eq!(found, format!("bbbb{}iiiijjjjkkkk", note(24)));
        // Another supervisor goes on with the log, and nothing is missing after two rotations.
        let mut log = RotatingLog::open(path.clone(), 8).unwrap();
        for byte in b'l'..=b'n' {
            log.append(&[byte; 4]);
        }
        assert_eq!(rest(&mut reader), "llllmmmmnnnn");
        for byte in b'o'..=b'v' {
            log.append(&[byte; 4]);
        }
        assert_eq!(rest(&mut reader), format!("{}ssssttttuuuuvvvv", note(16)));
    }
}
