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
pub mod runtime;
pub mod sealed;
pub mod secret;
pub mod services;
pub mod store;
pub mod token;
mod unix_ms;
pub mod verify;
pub mod workspace_id;
