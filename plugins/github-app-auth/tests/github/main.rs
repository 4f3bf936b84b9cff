//! The plugin's work against a server that enforces GitHub's contract, over real HTTP.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accounts;
mod boot;
mod clocks;
mod injection;
mod installations;
mod limits;
mod minting;
mod owned;
mod probing;
mod refusals;
mod world;
