//! What a workspace wrote: in its container, and in those that it had before.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt as _;
use provisionhook_host::{runtime::RuntimeError, workspace_id::WorkspaceId};

use crate::{
    engine::{Engine, Found},
    error,
};

/// The most that is kept of the output of earlier containers, and of one.
const MOST: usize = 32 * 1024 * 1024;

impl Engine {
    /// The last `tail` bytes of all that a workspace wrote.
    pub(crate) async fn logs(
        &self,
        id: &WorkspaceId,
        tail: Option<u64>,
    ) -> Result<Vec<u8>, RuntimeError> {
        let most = tail.map_or(MOST, |tail| usize::try_from(tail).unwrap_or(MOST).min(MOST));
        let mut output = Tail::new(most);
        output.push(&read(&self.saved(id)).map_err(|error| io_error(id, "read", error))?);
        if let Found::Ours(_) = self.find(id).await? {
            self.collect(id, &mut output).await?;
        }
        Ok(output.bytes.into())
    }

    /// Keeps what the container wrote, because it is about to go.
    pub(crate) async fn save_log(&self, id: &WorkspaceId) -> Result<(), RuntimeError> {
        let output = self.logs(id, None).await?;
        write(&self.saved(id), &output).map_err(|error| io_error(id, "keep", error))
    }

    async fn collect(&self, id: &WorkspaceId, output: &mut Tail) -> Result<(), RuntimeError> {
        let docker = self.for_workspace(id, "read its output").await?;
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut pieces = docker.logs(&self.name(id), Some(options));
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => output.push(&piece.into_bytes()),
                Err(error) if error::status(&error) == Some(404) => break,
                Err(error) => return Err(self.failed(Some(id), "read its output", &error)),
            }
        }
        Ok(())
    }

    fn saved(&self, id: &WorkspaceId) -> PathBuf {
        self.directory(id).join("output.log")
    }
}

/// The last bytes of what is pushed.
struct Tail {
    most: usize,
    bytes: VecDeque<u8>,
}

impl Tail {
    fn new(most: usize) -> Self {
        Self {
            most,
            bytes: VecDeque::new(),
        }
    }

    fn push(&mut self, piece: &[u8]) {
        let piece = &piece[piece.len().saturating_sub(self.most)..];
        let over = (self.bytes.len() + piece.len()).saturating_sub(self.most);
        self.bytes.drain(..over.min(self.bytes.len()));
        self.bytes.extend(piece);
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    if let Some(directory) = path.parent() {
        // Of an orphan there may be nothing but its container.
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(directory)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&beside)?.write_all(bytes)?;
    fs::rename(beside, path)
}

fn io_error(id: &WorkspaceId, what: &str, error: io::Error) -> RuntimeError {
    RuntimeError::io(id.as_str(), format!("cannot {what} its output"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_kept() {
        let mut tail = Tail::new(5);
        for piece in ["abc", "de", "f", "0123456789"] {
            tail.push(piece.as_bytes());
        }
        assert_eq!(Vec::from(tail.bytes), b"56789");
    }
}
