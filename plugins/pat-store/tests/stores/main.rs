//! The real `.so`, loaded by the host, over servers that enforce the stores' contracts, and with real tools.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod commands;
mod connect;
mod doppler;
mod file;
mod http;
mod infisical;
mod passwords;
mod world;
