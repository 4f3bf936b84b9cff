//! A server that enforces Google Cloud's published contract for Secret Manager, and for all ways to an access token, for tests.
//!
//! One port of loopback stands for five services, which do not meet in their paths: Secret Manager, OAuth's token endpoint, the Security
//! Token Service, IAM's credentials, and the metadata server. It shares no code with the plugin that it judges.
//!
//! 1. [`GcpServer::builder`] takes the region that it serves (none for the global endpoint), service accounts with their public keys, and
//!    whom it trusts.
//! 2. [`Builder::start`] listens; [`GcpServer::base_url`] is what stands for each service's URL.
//! 3. A test puts secrets in and takes them away, and breaks the server through [`GcpServer::core`].
//!
//! What it takes for the contract, and where that comes from, is in the crate's README, with the drive by Google's own clients.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and here each of their errors is the refusal that the client gets"
)]

mod assertion;
mod builder;
mod checksum;
mod refusal;
mod routes;
mod server;
mod vault;
mod world;

pub use server_kit::{Fault, StatusCode, Times};

pub use crate::builder::Builder;
pub use crate::server::GcpServer;
pub use crate::vault::State;
