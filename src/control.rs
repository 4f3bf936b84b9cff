//! The socket in the state directory by which a command asks the platform that runs over it. Only the platform's user can open it.
//!
//! The command says one word and a line end. The answer is a line, `ok` and a number of bytes that follow, or `error` and why not.

use std::{
    error::Error,
    fs::{self, File, Permissions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream as Stream},
    path::{Path, PathBuf},
    time::Duration,
};

use provisionhook_host::store::Store;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tracing::{info, warn};

const BACKUP: &[u8] = b"backup\n";
/// How long a command may take to say what it wants, and to take what it gets.
const PATIENCE: Duration = Duration::from_secs(60);
/// After an accept that failed because something ran out.
const PAUSE: Duration = Duration::from_millis(100);

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// The platform's end.
pub(crate) struct Control {
    listener: Option<UnixListener>,
    state_dir: PathBuf,
    store: Store,
}

impl Control {
    /// Listens. The caller holds the store's lock, so a socket that is there is nobody's.
    pub(crate) fn listen(state_dir: &Path, store: Store) -> Self {
        let path = path(state_dir);
        let _absent = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).and_then(|listener| {
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            Ok(listener)
        });
        if let Err(error) = &listener {
            warn!(path = %path.display(), %error, "commands cannot ask this platform for a backup: they need it stopped");
        }
        Self {
            listener: listener.ok(),
            state_dir: state_dir.to_owned(),
            store,
        }
    }

    /// Answers one after the other, for as long as it is polled.
    pub(crate) async fn run(self) {
        let Some(listener) = &self.listener else {
            return std::future::pending().await;
        };
        loop {
            let answered = match listener.accept().await {
                Ok((stream, _)) => timeout(PATIENCE, self.answer(stream)).await,
                Err(error) => {
                    tokio::time::sleep(PAUSE).await;
                    Ok(Err(error))
                }
            };
            match answered {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!(%error, "a command could not be answered"),
                Err(_) => warn!("a command was not answered in time"),
            }
        }
    }

    async fn answer(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut word = [0; BACKUP.len()];
        stream.read_exact(&mut word).await?;
        if word != BACKUP {
            return stream.write_all(b"error expected a command that this platform knows, found another: use its own version\n").await;
        }
        match self.backup().await {
            Ok(file) => {
                let bytes = file.metadata()?.len();
                stream.write_all(format!("ok {bytes}\n").as_bytes()).await?;
                let mut file = tokio::fs::File::from_std(file);
                tokio::io::copy(&mut file, &mut stream).await?;
                info!(bytes, "a command has made a backup");
                Ok(())
            }
            Err(error) => {
                warn!(%error, "no backup could be made");
                stream
                    .write_all(format!("error {error}\n").as_bytes())
                    .await
            }
        }
    }

    /// The copy, which has no name any more.
    async fn backup(&self) -> Result<File, Box<dyn Error + Send + Sync>> {
        let unfinished = unfinished(&self.state_dir)?;
        self.store.backup(unfinished.path()).await?;
        Ok(unfinished.reopen()?)
    }
}

/// A file for this user only that goes unless it is kept.
pub(crate) fn unfinished(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".backup-unfinished-")
        .tempfile_in(directory)
}

/// Has the platform over `state_dir` copy its store into `file`. False if none runs there. Blocks.
pub(crate) fn backup(state_dir: &Path, file: &mut File) -> Result<bool, Box<dyn Error>> {
    let stream = match Stream::connect(path(state_dir)) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(false);
        }
        Err(error) => {
            return Err(format!(
                "expected to reach the platform by {}, found: {error}; run this as the platform's user",
                path(state_dir).display()
            )
            .into());
        }
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    ask(stream, file)?;
    Ok(true)
}

/// Writes the copy that the platform at the other end sends into `file`.
fn ask(mut stream: Stream, file: &mut File) -> Result<(), Box<dyn Error>> {
    stream.write_all(BACKUP)?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line).map_err(unanswered)?;
    let line = line.trim_end();
    if let Some(why) = line.strip_prefix("error ") {
        return Err(format!("the platform could make no backup: {why}").into());
    }
    let bytes: u64 = line
        .strip_prefix("ok ")
        .and_then(|bytes| bytes.parse().ok())
        .ok_or("expected an answer of the platform, found none: see its log")?;
    let copied = io::copy(&mut answer.take(bytes), file).map_err(unanswered)?;
    if copied < bytes {
        return Err(
            format!("expected {bytes} bytes of the platform, found {copied}: try again").into(),
        );
    }
    Ok(())
}

/// A read that has lasted too long is no error to the system, but "try again".
fn unanswered(error: io::Error) -> Box<dyn Error> {
    if error.kind() != io::ErrorKind::WouldBlock {
        return error.into();
    }
    let seconds = PATIENCE.as_secs();
    format!("expected an answer of the platform within {seconds} s, found none: see its log, and try again").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_that_does_not_answer_is_said() {
        let (ours, theirs) = Stream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let mut copy = tempfile::tempfile().unwrap();
        let mut say = |words: &[u8]| {
            (&theirs).write_all(words).unwrap();
            ask(ours.try_clone().unwrap(), &mut copy)
                .unwrap_err()
                .to_string()
        };
        let silent = "expected an answer of the platform within 60 s, found none: see its log, and try again";
        assert_eq!(say(b""), silent);
        assert_eq!(say(b"ok 7\nhalf"), silent);
    }
}
