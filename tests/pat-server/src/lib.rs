//! A store of secrets that enforces the HTTP contract of pat-store (`docs/plugins/pat-store-http.md`), for tests. It shares no code with the
//! plugin, listens on loopback only, in plain HTTP, and keeps everything in memory.
//!
//! 1. [`PatServer::start`] listens; [`PatServer::base_url`] is what a client takes for the store.
//! 2. A test fills it with [`PatServer::put`], forbids with [`PatServer::deny`] and [`PatServer::deny_tenant`], and breaks it through
//!    [`PatServer::core`].

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and here each of their errors is the refusal that the client gets"
)]

mod question;
mod refusal;
mod server;
mod shelf;

pub use crate::server::PatServer;
pub use crate::shelf::Secret;
