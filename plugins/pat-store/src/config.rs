//! The plugin's configuration.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

/// Where the secrets are, and who gets which.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The file of secrets.
    pub(crate) file: PathBuf,
    /// Opens an `.age` file.
    #[serde(default)]
    pub(crate) identity: Option<Zeroizing<String>>,
    /// Variable to secret name.
    #[serde(default)]
    pub(crate) inject: BTreeMap<String, String>,
    /// Secret to serve when none is marked with the host that is asked for.
    #[serde(default)]
    pub(crate) token: Option<String>,
}
