//! Gives workspaces credentials of Bitbucket Cloud. The operator's page is `docs/plugins/bitbucket.md`.
//!
//! 1. [`config`]: the operator's JSON becomes [`Settings`](config::Settings); [`config::Credential`] is one of the three kinds.
//! 2. [`client`]: asks Bitbucket whether a token works, or for one, and knows its two user names.
//! 3. [`Bitbucket`]: all of it as a plugin.

#![forbid(unsafe_code)]

pub mod client;
pub mod config;

mod plugin;
mod refusal;

pub use crate::plugin::Bitbucket;
