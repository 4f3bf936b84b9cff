//! How a server is set up and started.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::Value;

use crate::fault::VOICE;
use crate::server::VaultServer;
use crate::world::World;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What it should hold is not what the README describes.
    #[error("expected a world as the README of vault-server describes it")]
    World(#[source] serde_json::Error),
    /// A login's public key is no PEM of an RSA public key.
    #[error(
        "expected an RSA public key in PEM form (BEGIN PUBLIC KEY), found none that could be read; make one with `openssl rsa -pubout`"
    )]
    PublicKey(#[source] jsonwebtoken::errors::Error),
    /// The address is not loopback, or not free.
    #[error(transparent)]
    Listen(#[from] server_kit::StartError),
}

/// A server in the making. Without further words: a free port of 127.0.0.1, and nothing in it.
#[must_use]
#[derive(Debug)]
pub struct Builder {
    listen: SocketAddr,
    world: Value,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            world: Value::Object(serde_json::Map::new()),
        }
    }

    /// Where to listen; it must be loopback, and port 0 stands for a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// What is in it; the README describes the fields.
    pub fn world(mut self, world: Value) -> Self {
        self.world = world;
        self
    }

    /// Listens and serves, on the tokio runtime of the caller, until the handle is stopped or dropped.
    ///
    /// # Errors
    /// The world, a public key in it, or the address is not usable.
    pub async fn start(self) -> Result<VaultServer, StartError> {
        let world: World = serde_json::from_value(self.world).map_err(StartError::World)?;
        let listening = server_kit::listen(self.listen, VOICE).await?;
        VaultServer::serve(world, listening)
    }
}
