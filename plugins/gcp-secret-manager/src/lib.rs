//! Puts secrets of Google Cloud's Secret Manager into workspaces. The operator's page is `docs/plugins/gcp-secret-manager.md`.
//!
//! 1. [`config`]: the operator's JSON becomes [`Settings`](config::Settings); a secret is a [`reference`](mod@reference).
//! 2. [`credentials`]: application default credentials, and the access tokens that they lead to.
//! 3. [`api`]: one request, with all that may come between; `refusal` says what Google's errors mean.
//! 4. [`secrets`]: payloads, their checksums, and the latest version.
//! 5. [`GcpSecretManager`]: all of it as a plugin, with one fetch for all workspaces.

#![forbid(unsafe_code)]

pub mod api;
pub mod config;
pub mod credentials;
pub mod reference;
pub mod secrets;

mod plugin;
mod refusal;

pub use crate::plugin::GcpSecretManager;
