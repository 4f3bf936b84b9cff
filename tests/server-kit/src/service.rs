//! A service that keeps all that it knows in one world.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;

use crate::core::{Core, Voice};
use crate::running::{Running, StartError, listen};

/// What its requests and its handle share.
pub struct Service<W> {
    /// What surrounds the contract.
    pub core: Arc<Core>,
    /// A `std` mutex: nobody waits for anything while holding it.
    world: Mutex<W>,
}

impl<W: Send + 'static> Service<W> {
    /// Listens and serves these routes, on the tokio runtime of the caller; port 0 stands for a free one.
    ///
    /// # Errors
    /// The address is not loopback, or not free.
    pub async fn start(
        address: SocketAddr,
        voice: Voice,
        world: W,
        routes: Router<Arc<Self>>,
    ) -> Result<(Arc<Self>, Running), StartError> {
        let listening = listen(address, voice).await?;
        let service = Arc::new(Self {
            core: Arc::clone(listening.core()),
            world: Mutex::new(world),
        });
        let running = listening.serve(routes.with_state(Arc::clone(&service)));
        Ok((service, running))
    }

    /// All that it knows.
    pub fn world(&self) -> MutexGuard<'_, W> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
