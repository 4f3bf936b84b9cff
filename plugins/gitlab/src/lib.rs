//! Gives workspaces GitLab access tokens. The operator's page is `docs/plugins/gitlab.md`.
//!
//! 1. [`config`]: the operator's JSON becomes [`Settings`](config::Settings).
//! 2. [`client`]: GitLab's API, as far as tokens go; stops at the first 401.
//! 3. [`keeper`]: the configured token, and its rotation, which must never kill the token's family. What it remembers
//!    from one run to the next is a [`record`](mod@record) in the plugin's state, behind the trait [`Memory`](provisionhook_provider_kit::memory::Memory).
//! 4. [`maker`]: tokens of their own for workspaces or projects.
//! 5. [`Gitlab`]: all of it as a plugin.

#![forbid(unsafe_code)]

pub mod client;
pub mod config;
pub mod day;
pub mod keeper;
pub mod maker;
pub mod patience;
pub mod record;

mod hash;
mod plugin;

pub use crate::plugin::Gitlab;
