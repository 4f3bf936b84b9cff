//! Sets what operators configure in files: for all workspaces, for a tenant's, and for those with certain labels.
//!
//! 1. `directory` keeps the files: read at boot, and again when they change.
//! 2. `document` is what one file says, an `entry` for each variable.
//! 3. `layers` lays the files of a workspace over each other.
//! 4. `plan` holds the result against what is set already, and says what to do, or all that is missing.
#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml makes it cover private functions too, and the texts say what can go wrong"
)]

mod allowed;
mod config;
mod directory;
mod document;
mod entry;
mod layers;
mod plan;
mod plugin;
mod problems;

pub use self::{config::Config, plugin::TenantConfig};
