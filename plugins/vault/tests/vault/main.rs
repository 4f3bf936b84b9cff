//! The plugin's work against a server that enforces Vault's contract, over real HTTP, with clocks that the tests move.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod database;
mod kv;
mod leases;
mod logins;
mod many;
mod outages;
mod restarts;
mod tending;
mod tokens;
mod world;
mod wrapped;
