//! What a workspace wrote: as it writes, and kept on this machine after its container is gone.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::PathBuf,
    pin::Pin,
};

use futures_util::{Stream, StreamExt as _, stream};

use super::RuntimeError;

/// The most that is kept of the output of earlier containers, and of one, in bytes.
const MOST: usize = 32 * 1024 * 1024;

/// Pieces of output in the order of writing, none of them empty. Ends with the workspace, or after an error.
pub type OutputStream = Pin<Box<dyn Stream<Item = Result<Vec<u8>, RuntimeError>> + Send>>;

/// How the file begins; then comes the name of the run whose output is the last in it, and the end of the line.
const UP_TO: &str = "# provisionhook: the output up to ";
/// The most that is read of that line, in bytes.
const LONGEST_LINE: u64 = 1024;

/// A file that holds the last bytes of what a workspace wrote, and of which run they are: what ends in the middle, between keeping an output
/// and removing what it came from, keeps it once.
pub struct SavedOutput(PathBuf);

impl SavedOutput {
    /// The file at this path, which need not be there; nor need its directory.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The last `most` bytes of it, to be continued. Blocks.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(&self, most: Option<u64>) -> io::Result<Tail> {
        let most = most.map_or(MOST, |most| usize::try_from(most).unwrap_or(MOST).min(MOST));
        let mut tail = Tail {
            most,
            bytes: VecDeque::new(),
        };
        match fs::read(&self.0) {
            Ok(bytes) => tail.push(without_line(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(tail)
    }

    /// Whether the output of this run is in it. Blocks.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn has(&self, run: &str) -> io::Result<bool> {
        let file = match File::open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        let mut line = Vec::new();
        BufReader::new(file.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
        Ok(line == line_of(run).as_bytes())
    }

    /// The last `tail` bytes of the file and of `output` as one, and what comes behind. `written` is how many bytes of `output` there are by
    /// now, which nobody but its reader can count. Blocks.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn followed_by(
        &self,
        output: impl Stream<Item = Result<Vec<u8>, RuntimeError>> + Send + 'static,
        written: u64,
        tail: u64,
    ) -> io::Result<OutputStream> {
        let before = self.read(Some(tail.saturating_sub(written)))?.into_bytes();
        let before = stream::iter(Some(before).filter(|before| !before.is_empty()).map(Ok));
        let output = skip(output, written.saturating_sub(tail));
        Ok(Box::pin(before.chain(output)))
    }

    /// Replaces the file by what was written up to the end of `run`, a name without a line break. Blocks.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, run: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = self.0.with_extension("new");
        if let Some(directory) = self.0.parent() {
            // Of an orphan there may be nothing but its container.
            DirBuilder::new()
                .recursive(true)
                .mode(0o711)
                .create(directory)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&beside)?;
        file.write_all(line_of(run).as_bytes())?;
        file.write_all(bytes)?;
        fs::rename(beside, &self.0)
    }
}

fn line_of(run: &str) -> String {
    format!("{UP_TO}{run}\n")
}

fn without_line(file: &[u8]) -> &[u8] {
    if !file.starts_with(UP_TO.as_bytes()) {
        return file;
    }
    let end = file.iter().position(|byte| *byte == b'\n');
    end.map_or(&[], |end| &file[end + 1..])
}

/// `output` without its first `bytes`.
fn skip<S>(output: S, bytes: u64) -> impl Stream<Item = Result<Vec<u8>, RuntimeError>> + Send
where
    S: Stream<Item = Result<Vec<u8>, RuntimeError>> + Send,
{
    let mut left = bytes;
    output.filter_map(move |piece| {
        let piece = piece.map(|mut piece| {
            let over = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            left -= over as u64;
            piece.drain(..over);
            piece
        });
        std::future::ready(Some(piece).filter(|piece| !piece.as_ref().is_ok_and(Vec::is_empty)))
    })
}

/// The last bytes of what is pushed.
pub struct Tail {
    most: usize,
    bytes: VecDeque<u8>,
}

impl Tail {
    /// Appends, and drops what is too old.
    pub fn push(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(self.most)..];
        let over = (self.bytes.len() + piece.len()).saturating_sub(self.most);
        self.bytes.drain(..over.min(self.bytes.len()));
        self.bytes.extend(piece);
    }

    /// What is left.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_skipped_may_end_within_a_piece() {
        let pieces = ["ab", "cde", "f"].map(|piece| Ok(piece.as_bytes().to_vec()));
        let left = skip(stream::iter(pieces), 3);
        let left: Vec<_> = left.map(Result::unwrap).collect().await;
        assert_eq!(left, [b"de".to_vec(), b"f".to_vec()]);
    }

    #[test]
    fn the_last_bytes_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let saved = SavedOutput::at(directory.path().join("output.log"));
        let mut tail = saved.read(Some(5)).unwrap();
        for piece in ["abc", "de", "f", "0123456789"] {
            tail.push(piece.as_bytes());
        }
        let bytes = tail.into_bytes();
        assert_eq!(bytes, b"56789");
        assert!(!saved.has("one").unwrap());
        saved.save("one", &bytes).unwrap();
        assert_eq!(saved.read(Some(2)).unwrap().into_bytes(), b"89");
        assert_eq!(saved.read(None).unwrap().into_bytes(), bytes);
        assert!(saved.has("one").unwrap() && !saved.has("on").unwrap());
    }
}
