//! Everything that the server knows, shared by its routes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use server_kit::Core;

use crate::people::People;
use crate::throttle::Throttle;
use crate::tokens::Tokens;

pub(crate) struct Gitlab {
    pub(crate) core: Arc<Core>,
    pub(crate) throttle: Throttle,
    world: Mutex<World>,
}

/// What changes. One lock for all of it: a rotation is one transaction.
pub(crate) struct World {
    pub(crate) people: People,
    pub(crate) tokens: Tokens,
}

impl Gitlab {
    pub(crate) fn new(core: Arc<Core>, throttle: Throttle, world: World) -> Self {
        Self {
            core,
            throttle,
            world: Mutex::new(world),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.core.clock.now()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
