//! The plugin's client against a server that enforces Bitbucket's contract, over real HTTP, with a clock that the test sets.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod configured;
mod oauth;
mod refusals;
mod world;
