//! `[plugins]` and `[plugin.NAME]`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use provisionhook_host::policy::{OnTransient, PluginPolicy, Selector};
use serde::{Deserialize, Deserializer};

/// `[plugins]`: the policy for all of them.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PluginsSection {
    pub(crate) directory: PathBuf,
    pub(super) require_pin: bool,
    pub(super) require_grants: bool,
    pub(super) allow_panic_abort: bool,
    pub(super) denied_keys: Vec<String>,
}

impl Default for PluginsSection {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/usr/lib/provisionhook/plugins"),
            require_pin: false,
            require_grants: false,
            allow_panic_abort: false,
            denied_keys: Vec::new(),
        }
    }
}

/// `[plugin.NAME]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PluginSection {
    order: Option<i64>,
    required: bool,
    disabled: bool,
    on_transient: TransientSetting,
    sha256: Vec<String>,
    #[serde(deserialize_with = "optional_duration")]
    budget: Option<Duration>,
    grant_keys: Option<Vec<String>>,
    grant_hosts: Option<Vec<String>>,
    grant_files: Option<Vec<String>>,
    threads: Option<usize>,
    when: When,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TransientSetting {
    #[default]
    Skip,
    Fail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct When {
    tenants: Vec<String>,
    runtimes: Vec<String>,
    labels: BTreeMap<String, String>,
}

impl PluginSection {
    pub(super) fn policy(&self) -> PluginPolicy {
        PluginPolicy {
            order: self.order,
            required: self.required,
            disabled: self.disabled,
            on_transient: match self.on_transient {
                TransientSetting::Skip => OnTransient::Skip,
                TransientSetting::Fail => OnTransient::Fail,
            },
            sha256: self.sha256.clone(),
            budget: self.budget,
            grant_keys: self.grant_keys.clone(),
            grant_hosts: self.grant_hosts.clone(),
            grant_files: self.grant_files.clone(),
            selector: Selector {
                tenants: self.when.tenants.clone(),
                runtimes: self.when.runtimes.clone(),
                labels: self.when.labels.clone(),
            },
            threads: self.threads,
        }
    }
}

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    super::schema::duration(deserializer).map(Some)
}
