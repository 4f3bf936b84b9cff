//! Puts secrets of AWS Secrets Manager into workspaces. The operator's page is `docs/plugins/aws-secrets-manager.md`.
//!
//! 1. [`config`]: the operator's JSON becomes [`Settings`](config::Settings); a secret is a [`reference`](mod@reference).
//! 2. [`credentials`]: where they come from, and keeping them.
//! 3. [`signer`]: a request gets its signature.
//! 4. [`api`]: one operation, with all that may come between; `refusal` says what AWS's errors mean.
//! 5. [`secrets`]: batches, versions, and what is missing.
//! 6. [`AwsSecretsManager`]: all of it as a plugin, with one fetch for all workspaces.

#![forbid(unsafe_code)]

pub mod api;
pub mod config;
pub mod credentials;
pub mod reference;
pub mod secrets;
pub mod signer;

mod error_code;
mod plugin;
mod refusal;

pub use crate::plugin::AwsSecretsManager;
