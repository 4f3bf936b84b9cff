//! What the drive by python-gitlab cannot see: faults, the clock, and the bounds of reuse detection.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod family;
mod faults;
mod limits;
