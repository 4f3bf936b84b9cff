//! What the platform and an init system (systemd) say to each other.

use std::{error::Error, io};

use listenfd::ListenFd;
use provisionhook_host::http::Server;
use sd_notify::NotifyState;
use tracing::{debug, info};

use crate::config::Config;

/// The socket to serve on: the one that was passed on at the start, or else a new one where the configuration says.
pub(super) async fn listen(config: &Config) -> Result<Server, Box<dyn Error>> {
    let server = match inherited()? {
        Some(server) => server,
        None => Server::bind_with_mode(config.listen.clone(), config.socket_mode.0).await?,
    };
    Ok(match config.tls(server.address())? {
        Some(tls) => server.with_tls(tls),
        None => server,
    })
}

fn inherited() -> Result<Option<Server>, Box<dyn Error>> {
    let mut passed = ListenFd::from_env();
    if passed.len() == 0 {
        return Ok(None);
    }
    if passed.len() > 1 {
        let found = passed.len();
        return Err(format!("expected one socket from the init system, found {found}; leave one `Listen…` line in the socket unit").into());
    }
    let server = match passed.take_tcp_listener(0) {
        Ok(Some(socket)) => Some(Server::inherit_tcp(socket)?),
        Ok(None) => None,
        Err(_) => {
            let unusable = |error: io::Error| {
                format!(
                    "expected a stream socket that listens from the init system, found something else: {error}"
                )
            };
            let socket = passed.take_unix_listener(0).map_err(unusable)?;
            socket.map(Server::inherit_unix).transpose()?
        }
    };
    if server.is_some() {
        info!("listening on a socket that the init system opened; `listen` is not used");
    }
    Ok(server)
}

/// Every workspace is accounted for, and requests are answered.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// No new requests from here on.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    // Without an init system there is nobody to tell, and one that does not listen is no reason to stop.
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "the init system was not told");
    }
}
