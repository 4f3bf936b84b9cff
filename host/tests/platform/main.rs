//! The platform whole: the HTTP API over the provisioner, the chain, the store and the local runtime with real processes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod access;
mod bench;
mod client;
mod ends;
mod events;
mod expiry;
mod files;
mod keeping;
mod keys;
mod limits;
mod listen;
mod lives;
mod once;
mod owed;
mod pausing;
mod plugins;
mod provisioning;
mod reconcile;
mod removal;
mod streams;
mod tokens;
mod workspaces;
