//! The plugin against an emulator that checks signatures and policies, against answers that are written down here where the
//! emulator has none, and its requests against botocore.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod botocore;
mod conformance;
mod credentials;
mod emulated;
mod emulator;
mod refusals;
mod roles;
mod scripted;
mod signature;
mod sources;
mod world;
