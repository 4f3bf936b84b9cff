//! Puts secrets into workspaces, and serves some of them as tokens: from a file, from an HTTP service, or from a tool that is run.
//!
//! 1. `config` says where the secrets are and who gets which.
//! 2. `store` asks a `source` there, behind a cache that one fills for all.
//! 3. `document` is what comes back: secrets by name, and why some are missing.
//! 4. `plugin` hands them out.
#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and the faults say what can go wrong"
)]

mod config;
mod decrypt;
mod document;
mod file;
mod plugin;
mod source;
mod store;

pub use self::{config::Config, plugin::PatStore};
