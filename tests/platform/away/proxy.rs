//! Stands between the platform and its daemon, and cuts them off from each other at one request.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

/// Whether the daemon is gone before it has got the request, or when it has done what was asked, and nobody hears of it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    After,
}

/// A daemon's socket that may have nobody behind it.
pub(super) struct Proxy {
    pub(super) socket: PathBuf,
    line: Arc<Line>,
}

struct Line {
    daemon: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many requests there are until the cut, and when it comes then.
    cut: Option<(usize, Moment)>,
    /// What a request must name to be counted.
    of: String,
    /// The last request that was counted: how often the same is asked again in a row is a matter of time.
    last: Option<String>,
    /// How often it was mended: a cut that has not come by then does not come any more.
    mended: usize,
    /// The request at which it was cut, until it is mended.
    cut_at: Option<String>,
    /// Both ends of each connection.
    open: Vec<UnixStream>,
}

impl Proxy {
    pub(super) fn start(socket: PathBuf, daemon: PathBuf) -> Self {
        let state = Mutex::default();
        let line = Arc::new(Line { daemon, state });
        let listener = UnixListener::bind(&socket).unwrap();
        let accepting = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let line = Arc::clone(&accepting);
                std::thread::spawn(move || line.pass_on(client));
            }
        });
        Self { socket, line }
    }

    /// Lets the daemon be away from the request with this number on, counted from 1 over those that name `of`.
    pub(super) fn cut_at(&self, number: usize, moment: Moment, of: &str) {
        let mut state = self.line.state();
        (state.cut, state.last) = (Some((number, moment)), None);
        of.clone_into(&mut state.of);
    }

    /// The request at which the daemon went away, if it has.
    pub(super) fn was_cut_at(&self) -> Option<String> {
        self.line.state().cut_at.clone()
    }

    /// The daemon is there, and stays.
    pub(super) fn mend(&self) {
        let mut state = self.line.state();
        (state.cut, state.cut_at) = (None, None);
        state.mended += 1;
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Until either side has had enough.
    fn pass_on(self: &Arc<Self>, client: UnixStream) {
        let mut open = self.state();
        if open.cut_at.is_some() {
            return;
        }
        let Ok(daemon) = UnixStream::connect(&self.daemon) else {
            return;
        };
        let ends = [&client, &daemon].map(|end| end.try_clone().unwrap());
        open.open.extend(ends);
        drop(open);
        let (mut from, mut to) = (daemon.try_clone().unwrap(), client.try_clone().unwrap());
        let fatal = Arc::new(Mutex::new(None));
        let (line, last) = (Arc::clone(self), Arc::clone(&fatal));
        std::thread::spawn(move || {
            let _over = copy(&mut from, &mut to, |_| {
                let fatal: Option<(String, usize)> = last.lock().unwrap().take();
                fatal.is_none_or(|(request, mended)| !line.cut(request, mended))
            });
        });
        let (mut from, mut to) = (client, daemon);
        let _over = copy(&mut from, &mut to, |piece| {
            let Some(request) = counted(piece) else {
                return true;
            };
            match self.due(&request) {
                None => true,
                Some((Moment::Before, mended)) => !self.cut(request, mended),
                Some((Moment::After, mended)) => {
                    *fatal.lock().unwrap() = Some((request, mended));
                    true
                }
            }
        });
    }

    /// Counts a request, and says how it ends if it is the last.
    fn due(&self, request: &str) -> Option<(Moment, usize)> {
        let mut state = self.state();
        let (left, moment) = state.cut.filter(|_| request.contains(&state.of))?;
        if state.last.replace(request.to_owned()).as_deref() == Some(request) {
            return None;
        }
        state.cut = Some((left - 1, moment)).filter(|_| left > 1);
        (left == 1).then_some((moment, state.mended))
    }

    /// Cuts all connections at this request, unless that comes too late. True if it has.
    fn cut(&self, request: String, mended: usize) -> bool {
        let mut state = self.state();
        if state.mended != mended {
            return false;
        }
        state.cut_at = Some(request);
        for end in state.open.drain(..) {
            let _closed = end.shutdown(Shutdown::Both);
        }
        true
    }
}

/// Passes on each piece that `may` lets through, until it does not, or one side is closed; then both are.
///
/// # Errors
/// The connection was cut meanwhile.
fn copy(
    from: &mut UnixStream,
    to: &mut UnixStream,
    mut may: impl FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = from.read(&mut buffer).unwrap_or(0);
        if len == 0 || !may(&buffer[..len]) {
            from.shutdown(Shutdown::Both)?;
            return to.shutdown(Shutdown::Both);
        }
        to.write_all(&buffer[..len])?;
    }
}

/// The first line of a request, unless it only asks whether somebody is there, or what happens.
fn counted(piece: &[u8]) -> Option<String> {
    let line = piece.split(|byte| *byte == b'\r').next()?;
    let line = String::from_utf8_lossy(line);
    let asks = ["/_ping", "/version", "/info", "/events"];
    let begins = ["GET ", "POST ", "PUT ", "HEAD ", "DELETE "]
        .iter()
        .any(|method| line.starts_with(method));
    (begins && !asks.iter().any(|path| line.contains(path))).then(|| line.into_owned())
}
