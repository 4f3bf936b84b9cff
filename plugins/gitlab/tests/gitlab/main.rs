//! The plugin's work against a server that enforces GitLab's contract, over real HTTP, with a clock and a disk of the tests' own.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod killed;
mod making;
mod refusals;
mod rotation;
mod serving;
mod world;
