//! Each promise and each refusal of the server, over HTTP, with a client that is not the project's plugin.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod binary;
mod client;
mod faults;
mod installations;
mod jwt;
mod lifecycle;
mod minting;
mod request_headers;
