//! The handlers, by who calls them.

pub(super) mod admin;
pub(super) mod events;
pub(super) mod health;
pub(super) mod tokens;
pub(super) mod workspaces;
