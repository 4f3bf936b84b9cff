//! Mints GitHub App installation tokens for workspaces. The operator's page is `docs/plugins/github-app-auth.md`.
//!
//! 1. [`config`]: the operator's JSON becomes [`Settings`](config::Settings); [`key`] and [`base_url`] are parts of it.
//! 2. [`scope`]: what a workspace may wish for within them.
//! 3. [`app`]: the App asks GitHub, with a [`jwt`], for the installation and the token. All starting workspaces share one.
//! 4. [`GithubAppAuth`]: all of it as a plugin.

#![forbid(unsafe_code)]

pub mod app;
pub mod base_url;
pub mod config;
pub mod jwt;
pub mod key;
pub mod scope;

mod name;
mod plugin;
mod refusal;

pub use crate::plugin::GithubAppAuth;
