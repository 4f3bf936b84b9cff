//! What the drive with hvac cannot see: faults, node states that redirect, what a test finds out, and the binary.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod binary;
mod client;
mod faults;
mod handle;
mod states;
