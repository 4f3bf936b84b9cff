//! The plugin's configuration.

use std::path::PathBuf;

use serde::Deserialize;

/// Where the files are, and what they may do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Holds `global.toml` and `tenants/`.
    pub(crate) directory: PathBuf,
    /// What the files may set: `NAME` or `PREFIX*`.
    #[serde(default)]
    pub(crate) keys: Vec<String>,
    /// What templates may read beside that.
    #[serde(default)]
    pub(crate) reads: Vec<String>,
    /// Deny workspaces of a tenant that has no file.
    #[serde(default)]
    pub(crate) require_tenant: bool,
}
