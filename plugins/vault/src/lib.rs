//! Puts secrets of HashiCorp Vault or OpenBao into workspaces. The operator's page is `docs/plugins/vault.md`.
//!
//! 1. [`config`]: the operator's JSON becomes [`Settings`](config::Settings); a [`path`] may have places for a workspace's own.
//! 2. [`client`]: one request, with all that may come between; `login` gets a token.
//! 3. [`sessions`]: the tokens, kept and renewed for as long as something depends on them.
//! 4. [`engines`]: what is mounted behind a path.
//! 5. [`vault`]: asking with a token, and KV with one fetch for all workspaces.
//! 6. [`leases`]: dynamic secrets, renewed and revoked.
//! 7. [`provider`]: all of it, over a [`World`](provisionhook_provider_kit::memory::World) that a test can have of its own; [`plugin`] gives it the host's.

#![forbid(unsafe_code)]

pub mod client;
pub mod config;
pub mod engines;
pub mod leases;
pub mod path;
pub mod plugin;
pub mod provider;
pub mod sessions;
pub mod vault;

mod kept;
mod login;
mod time;
