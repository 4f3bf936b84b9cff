//! The wrapper script, run for real by each shell that an image may have, against a `gh` that shows what it was given.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod bodies;
mod files;
mod finding;
mod log;
mod people;
mod tokens;
mod verbs;
