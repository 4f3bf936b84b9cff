//! The plugin: what the host calls.

use std::collections::BTreeSet;

use provisionhook_plugin_abi::prelude::*;
use workspace_template::Facts;
use zeroize::Zeroizing;

use crate::{
    config::Config,
    directory::Directory,
    entry::Source,
    plan::{Edit, plan},
    problems,
};

/// One configured directory.
pub struct TenantConfig {
    directory: Directory,
}

impl Plugin for TenantConfig {
    type Config = Config;

    /// Reads every file, so that all that is wrong is in the boot report.
    fn create(config: Config, _: &Host) -> Result<Self, Fault> {
        let directory = Directory::open(&config).map_err(|problems| problems::fault(&problems))?;
        tracing::info!(tenants = directory.tenant_count(), "ready");
        Ok(Self { directory })
    }
}

impl EnvMutator for TenantConfig {
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let layers = self.directory.layers(call.tenant())?;
        let mut facts = Facts::of(call);
        let merged = layers.merged(&facts.labels);
        let mut present = BTreeSet::new();
        for (name, entry) in &merged {
            if env.get(name)?.is_some() {
                present.insert(*name);
            }
            if let Some((Source::Template(template), _)) = entry.source {
                for variable in template.variables() {
                    if let Some(value) = env.get(variable)? {
                        let value = Zeroizing::new(value.to_owned());
                        facts.env.insert(variable.clone(), value);
                    }
                }
            }
        }
        let edits =
            plan(&merged, &present, &facts).map_err(|problems| problems::fault(&problems))?;
        edits.into_iter().try_for_each(|edit| carry_out(edit, env))
    }
}

fn carry_out(edit: Edit<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
    match edit {
        Edit::Unset { name } => env.unset(name),
        Edit::Set {
            name,
            value,
            secret: true,
        } => env.set_secret(name, &value),
        Edit::Set {
            name,
            value,
            secret: false,
        } => env.set(name, &value),
    }
}

export_plugin! {
    TenantConfig {
        capabilities: [env_mutator],
        execution: blocking,
        reads: ["config:/reads"],
        writes: ["config:/keys"],
        config_schema: include_str!("../config.schema.json"),
    }
}
