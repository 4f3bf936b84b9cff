//! The plugin host.

pub mod boot;
pub mod call;
pub mod capability;
pub mod chain;
mod clock;
pub mod discover;
pub mod env;
pub mod fault;
pub mod health;
pub mod inspect;
pub mod load;
pub mod manifest;
pub mod mismatch;
pub mod order;
pub mod policy;
pub mod redact;
pub mod registry;
pub mod report;
pub mod sealed;
pub mod secret;
pub mod services;
pub mod token;
pub mod verify;
