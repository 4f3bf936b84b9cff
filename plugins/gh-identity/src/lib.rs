//! Tells a workspace which agent it is, and brings a `gh` wrapper that attributes what the agent publishes.
#![forbid(unsafe_code)]

mod config;
mod role;
mod wrapper;

use provisionhook_plugin_abi::prelude::*;

pub use self::config::Config;

/// Characters of the workspace id in the badge.
const SHORT_ID_LENGTH: usize = 8;

/// One configured plugin.
pub struct GhIdentity {
    config: Config,
    wrapper: String,
    wrapper_digest: String,
}

impl Plugin for GhIdentity {
    type Config = Config;

    fn create(config: Config, _host: &Host) -> Result<Self, Fault> {
        Ok(Self {
            config,
            wrapper: wrapper::base64(),
            wrapper_digest: wrapper::short_digest(),
        })
    }
}

impl EnvMutator for GhIdentity {
    /// A workspace without a role is no agent's: nothing is set.
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let role = role::display(call.role());
        if role.is_empty() {
            return Ok(());
        }
        env.set("MOLECULE_AGENT_ROLE", &role)?;
        env.set("MOLECULE_OWNER", self.config.owner(&role))?;
        env.set("MOLECULE_WORKSPACE_ID", call.workspace_id())?;
        env.set(
            "MOLECULE_ATTRIBUTION_BADGE",
            &badge(&role, call.workspace_id()),
        )?;
        if !self.config.wrapper_variables {
            return Ok(());
        }
        env.set("MOLECULE_GH_WRAPPER_B64", &self.wrapper)?;
        env.set("MOLECULE_GH_WRAPPER_SHA", &self.wrapper_digest)
    }
}

impl FileContributor for GhIdentity {
    /// Installs the wrapper, where there is something that it could do.
    async fn contribute(&self, call: &Call<'_>, files: &mut Files<'_>) -> Result<Again, Fault> {
        if !role::display(call.role()).is_empty() {
            files.put(wrapper::PLACE, 0o755, wrapper::SCRIPT.as_bytes())?;
        }
        Ok(Again::never())
    }
}

/// The first line of what an agent publishes.
fn badge(role: &str, workspace_id: &str) -> String {
    let id = workspace_id.strip_prefix("ws-").unwrap_or(workspace_id);
    let short: String = id.chars().take(SHORT_ID_LENGTH).collect();
    format!("🤖 [Agent: {role} · ws-{short}]")
}

export_plugin! {
    GhIdentity {
        capabilities: [env_mutator, file_contributor],
        execution: inline,
        writes: [
            "MOLECULE_AGENT_ROLE",
            "MOLECULE_OWNER",
            "MOLECULE_WORKSPACE_ID",
            "MOLECULE_ATTRIBUTION_BADGE",
            "MOLECULE_GH_WRAPPER_B64",
            "MOLECULE_GH_WRAPPER_SHA",
        ],
        files: [".local/bin/gh"],
        config_schema: include_str!("../config.schema.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::badge;

    #[test]
    fn the_badge_names_role_and_workspace() {
        assert_eq!(
            badge("Qa", "ws-0123456789abcdef"),
            "🤖 [Agent: Qa · ws-01234567]"
        );
        assert_eq!(badge("Qa", "short"), "🤖 [Agent: Qa · ws-short]");
    }
}
