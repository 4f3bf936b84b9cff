//! Taking connections, over TCP or a Unix socket, one of which an init system may have opened.

use std::{
    fs,
    io::{self, ErrorKind},
    net::IpAddr,
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::Address;

/// Whoever may open the socket, unless the operator says otherwise: the platform's user.
pub const SOCKET_MODE: u32 = 0o600;

/// How long a client may be silent before the kernel asks whether it is there.
const IDLE: Duration = Duration::from_secs(60);
/// How often it asks then,
const EVERY: Duration = Duration::from_secs(15);
/// and how often in vain.
const PROBES: u32 = 4;
/// How long what was sent may go unacknowledged: as long as all that together.
const GONE_MS: u32 = 120_000;

/// A socket that takes connections.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, Option<OwnPath>),
}

/// A connection that was taken.
pub(super) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The file of a socket that this process made. Dropping it removes the file.
#[derive(Debug)]
pub(super) struct OwnPath(PathBuf);

impl Listener {
    /// Opens a socket; the file of a Unix socket gets this mode.
    pub(super) async fn bind(address: &Address, mode: u32) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Address::Unix(path) => unix(path, mode),
        }
    }

    /// Takes over a TCP socket that is open already.
    pub(super) fn inherited_tcp(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket).map(Self::Tcp)
    }

    /// Takes over a Unix socket that is open already; whoever opened it looks after its file.
    pub(super) fn inherited_unix(socket: StdUnixListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::Unix(UnixListener::from_std(socket)?, None))
    }

    /// Where it listens, with the port that was taken.
    pub(super) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Address::Tcp),
            Self::Unix(_, Some(OwnPath(path))) => Ok(Address::Unix(path.clone())),
            Self::Unix(socket, None) => {
                let address = socket.local_addr()?;
                let path = address.as_pathname().unwrap_or(Path::new("/"));
                Ok(Address::Unix(path.to_owned()))
            }
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                // Small answers must not wait for the acknowledgement of the ones before. Failing to say so costs only that.
                let _ = stream.set_nodelay(true);
                if let Err(error) = look_after(&stream) {
                    tracing::debug!(%error, "a client that vanishes from this connection is not noticed");
                }
                Ok(Accepted::Tcp(stream))
            }
            Self::Unix(socket, _) => socket
                .accept()
                .await
                .map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

impl Accepted {
    /// The address of the other side; none over a Unix socket.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => stream.peer_addr().ok().map(|address| address.ip()),
            Self::Unix(_) => None,
        }
    }
}

/// Has the kernel end a connection whose client has vanished, so that it does not keep its place for ever: a stream of what happens seldom writes
/// nothing that could fail.
fn look_after(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, IDLE)?;
    sockopt::set_tcp_keepintvl(stream, EVERY)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    sockopt::set_tcp_user_timeout(stream, GONE_MS)?;
    Ok(())
}

/// The socket is made under another name and renamed when its mode is right: nobody gets in before that.
fn unix(path: &Path, mode: u32) -> io::Result<Listener> {
    make_room(path)?;
    let mut making = path.as_os_str().to_owned();
    making.push(format!(".{}", std::process::id()));
    let making = OwnPath(making.into());
    remove(&making.0)?;
    let socket = UnixListener::bind(&making.0)?;
    fs::set_permissions(&making.0, fs::Permissions::from_mode(mode))?;
    fs::rename(&making.0, path)?;
    Ok(Listener::Unix(socket, Some(OwnPath(path.to_owned()))))
}

/// A socket that nobody answers on is what a platform that was killed left behind.
fn make_room(path: &Path) -> io::Result<()> {
    let other = |text: &str| Err(io::Error::new(ErrorKind::AlreadyExists, text));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            other("there is a file of that name that is no socket")
        }
        Ok(_) => match StdUnixStream::connect(path) {
            Ok(_) => other("another process listens there"),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => remove(path),
            Err(error) => Err(error),
        },
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

impl Drop for OwnPath {
    fn drop(&mut self) {
        // It is gone already if it was renamed; and there is nobody to tell.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind(path: &Path) -> io::Result<Listener> {
        unix(path, SOCKET_MODE)
    }

    #[tokio::test]
    async fn a_socket_is_for_whom_its_mode_says_and_goes_with_its_listener() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        let listener = bind(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, SOCKET_MODE);
        assert_eq!(listener.address().unwrap(), Address::Unix(path.clone()));
        drop(listener);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn the_kernel_notices_a_client_that_vanishes() {
        let anywhere = Address::Tcp(([127, 0, 0, 1], 0).into());
        let bound = Listener::bind(&anywhere, SOCKET_MODE).await.unwrap();
        let inherited = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        for listener in [bound, Listener::inherited_tcp(inherited).unwrap()] {
            let Address::Tcp(address) = listener.address().unwrap() else {
                panic!("{listener:?}");
            };
            let _client = std::net::TcpStream::connect(address).unwrap();
            let Accepted::Tcp(stream) = listener.accept().await.unwrap() else {
                panic!("{listener:?}");
            };
            assert!(sockopt::socket_keepalive(&stream).unwrap());
            assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), IDLE);
            assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), EVERY);
            assert_eq!(sockopt::tcp_keepcnt(&stream).unwrap(), PROBES);
            assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), GONE_MS);
            let all = IDLE + EVERY * PROBES;
            assert_eq!(all, Duration::from_millis(GONE_MS.into()));
        }
    }

    #[tokio::test]
    async fn what_is_in_the_way_is_left_alone_unless_nobody_listens_on_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        drop(StdUnixListener::bind(&path).unwrap());
        let listener = bind(&path).unwrap();
        let error = bind(&path).unwrap_err().to_string();
        assert_eq!(error, "another process listens there");
        assert!(path.exists());
        drop(listener);
        fs::write(&path, "mine").unwrap();
        let error = bind(&path).unwrap_err().to_string();
        assert_eq!(error, "there is a file of that name that is no socket");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
