//! A server that enforces the published HTTP contract of HashiCorp Vault and OpenBao, for tests.
//!
//! It shares no code with the plugin that it judges: logins, tokens with parents and lifetimes, policies, KV of both versions, dynamic
//! secrets with leases, response wrapping, namespaces, a node's states and rate limits. It listens on loopback only, in plain HTTP, and forgets
//! everything when it ends.
//!
//! 1. [`VaultServer::builder`] takes a [world](Builder::world) as JSON, which the crate's README describes.
//! 2. [`Builder::start`] listens; [`VaultServer::base_url`] is what a client takes for `VAULT_ADDR`.
//! 3. A test moves its clock on, [seals](Mode) it, breaks it with [`VaultServer::set_fault`], revokes a token behind its owner's back.
//! 4. A test looks at [`VaultServer::requests`], [`VaultServer::tokens`] and [`VaultServer::leases`].
//!
//! ```
//! # async fn example() -> Result<(), vault_server::StartError> {
//! use std::time::Duration;
//!
//! use serde_json::json;
//! use vault_server::{Ended, Mode, VaultServer};
//!
//! let world = json!({ "namespaces": { "": {
//!     "policies": { "app": { "database/creds/app": ["read"] } },
//!     "tokens": { "hvs.example": { "policies": ["app"], "ttl": "1h" } },
//!     "mounts": { "database": { "database": { "roles": { "app": { "default_ttl": "10m", "max_ttl": "1h" } } } } },
//! } } });
//! let vault = VaultServer::builder().world(world).start().await?;
//! // … a client reads database/creds/app at vault.base_url() …
//! vault.advance_clock(Duration::from_secs(600));
//! assert!(vault.leases().iter().all(|lease| lease.ended == Some(Ended::Expired)));
//! vault.set_mode(Mode::Sealed);
//! vault.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! What it takes for the contract, and where that comes from, is in the crate's README, with the drive by an independent client (hvac).

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and here each of their errors is the refusal that the client gets"
)]

mod answer;
mod auth_token;
mod builder;
mod engine;
mod fault;
mod gate;
mod leases;
mod mode;
mod policy;
mod quota;
mod random;
mod refusal;
mod request;
mod server;
mod span;
mod sys;
mod time;
mod tokens;
mod ttl;
mod vault;
mod world;
mod wrapping;

pub use server_kit::{RequestRecord, StatusCode, Times};

pub use crate::builder::{Builder, StartError};
pub use crate::fault::Fault;
pub use crate::leases::Lease;
pub use crate::mode::Mode;
pub use crate::policy::{Capability, Rules};
pub use crate::server::VaultServer;
pub use crate::tokens::{Ended, Token};
