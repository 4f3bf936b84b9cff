//! The cases, by what is tried.

pub(crate) mod broken;
pub(crate) mod clock;
pub(crate) mod crowd;
pub(crate) mod expiry;
pub(crate) mod good;
pub(crate) mod leak;
pub(crate) mod refused;
pub(crate) mod throttled;
