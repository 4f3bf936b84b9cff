//! How workspaces are provisioned: what the operator chooses.

use std::time::Duration;

use crate::{chain, provision::TtlSettings};

/// How workspaces are provisioned.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the runtime, as plugins and selectors see it: `local`, `docker`, `kubernetes`.
    pub runtime: String,
    /// Where workspaces reach the platform: `http://127.0.0.1:8080`.
    pub url: String,
    /// The environment under everything else. Workspaces inherit nothing that is not in it.
    pub base_env: Vec<(String, String)>,
    /// How long the chain may take.
    pub chain_time: Duration,
    /// What holds for all plugins of a run.
    pub chain: chain::Settings,
    /// How many provisions run at once. The budgets below count from the turn of each.
    pub at_once: usize,
    /// How many more may wait for their turn; what is beyond that is refused.
    pub queue: usize,
    /// How long the runtime may take to start a workspace.
    pub start_time: Duration,
    /// How long a workspace may take to end after it was asked to.
    pub grace: Duration,
    /// How long workspaces may run.
    pub ttl: TtlSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            runtime: "local".into(),
            url: String::new(),
            base_env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
            chain_time: Duration::from_secs(30),
            chain: chain::Settings::default(),
            at_once: 64,
            queue: 1024,
            start_time: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            ttl: TtlSettings::default(),
        }
    }
}
