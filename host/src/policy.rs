//! What the operator says about plugins. Plain data: the platform reads it from its config, an embedder builds it.

use std::{collections::BTreeMap, time::Duration};

/// The policy for all plugins of a host.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// By plugin name.
    pub plugins: BTreeMap<String, PluginPolicy>,
    /// Load only plugins that have a `sha256` pin.
    pub require_pin: bool,
    /// Give a plugin only the keys, hosts and files that its `grant_*` lists name; otherwise what it declares is granted.
    pub require_grants: bool,
    /// Name patterns (`NAME` or `PREFIX*`) that no plugin may write, beside the built-in ones.
    pub denied_keys: Vec<String>,
    /// Load plugins in whose process a panic aborts.
    pub allow_panic_abort: bool,
}

/// The policy for one plugin.
#[derive(Clone, Debug, Default)]
pub struct PluginPolicy {
    /// Place in the chain; wins over the number in the file name.
    pub order: Option<i64>,
    /// The platform does not start without it.
    pub required: bool,
    /// Do not load it.
    pub disabled: bool,
    /// What a transient fault does to a provision.
    pub on_transient: OnTransient,
    /// Lower-case hex digests, one of which its file must have; empty = no pin.
    pub sha256: Vec<String>,
    /// The most time that one call may take; `None` = the host's default share.
    pub budget: Option<Duration>,
    /// The keys that it may write, as names or `PREFIX*`; `None` = what it declares (unless `require_grants`).
    pub grant_keys: Option<Vec<String>>,
    /// The hosts that it may reach, as `name`, `name:port` or `*.suffix`; `None` = what it declares (unless `require_grants`).
    pub grant_hosts: Option<Vec<String>>,
    /// The files that it may put, as `dir/name` or `dir/*`; `None` = what it declares (unless `require_grants`).
    pub grant_files: Option<Vec<String>>,
    /// Which workspaces it applies to.
    pub selector: Selector,
    /// Threads for its blocking calls; `None` = 4.
    pub threads: Option<usize>,
}

/// What a transient fault does to a provision. Every other kind fails it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTransient {
    /// The plugin's edits are dropped and the chain goes on.
    #[default]
    Skip,
    /// The provision fails.
    Fail,
}

/// Which workspaces a plugin applies to. An empty list or map matches all; several conditions must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// One of these tenants.
    pub tenants: Vec<String>,
    /// One of these runtimes.
    pub runtimes: Vec<String>,
    /// All of these labels with these values.
    pub labels: BTreeMap<String, String>,
}
