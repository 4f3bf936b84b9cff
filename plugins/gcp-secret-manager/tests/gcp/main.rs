//! The plugin against a server that enforces Google's published contract, and its requests against the discovery document.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod discovery;
mod refusals;
mod sources;
mod values;
mod world;
