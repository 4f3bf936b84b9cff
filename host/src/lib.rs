//! The plugin host.

pub mod call;
pub mod capability;
pub mod env;
pub mod fault;
pub mod manifest;
pub mod policy;
pub mod redact;
pub mod secret;
pub mod services;
