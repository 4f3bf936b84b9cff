//! The plugin: what the host calls.

use std::time::SystemTime;

use provisionhook_plugin_abi::prelude::*;
use provisionhook_provider_kit::outside::Hosted;

use crate::{
    app::{App, Errand, Minted},
    config::{Asker, Config, Settings},
};

/// GitHub takes any password for a token with this user name.
const GIT_USER: &str = "x-access-token";

/// Injects a GitHub App's installation tokens into environments, and hands them out while workspaces run.
#[derive(Debug)]
pub struct GithubAppAuth {
    app: App<Hosted>,
}

impl Plugin for GithubAppAuth {
    type Config = Config;

    fn create(config: Config, host: &Host) -> Result<Self, Fault> {
        let app = App::new(Settings::from_config(config)?, Hosted(host.clone()))?;
        let settings = app.settings();
        if settings.check_at_boot {
            host.block_on(app.check())?;
        }
        tracing::info!(app = %settings.issuer, base_url = %settings.base_url, "ready");
        Ok(Self { app })
    }
}

impl EnvMutator for GithubAppAuth {
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let names = &self.app.settings().inject;
        if names.is_empty() {
            return Ok(());
        }
        let wish = self.app.settings().widest(&Asker::from(call))?;
        let minted = self.app.injected(&wish, self.errand(call)).await?;
        for name in names {
            env.set_secret(name, &minted.token)?;
        }
        if call.is_dry_run() {
            // Nobody is going to use it, and no end of a workspace will be told. If this fails, it ends with its hour.
            drop(self.app.revoke_all(&Asker::from(call)).await);
        }
        Ok(())
    }
}

impl TokenProvider for GithubAppAuth {
    async fn token(&self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        let settings = self.app.settings();
        settings.check_audience(scope.audience())?;
        let repositories: Vec<&str> = scope.repositories().collect();
        let wish = settings.wish(&Asker::from(call), repositories, scope.permissions())?;
        handed_over(&self.app.requested(&wish, self.errand(call)).await?)
    }
}

impl WorkspaceLifecycle for GithubAppAuth {
    async fn ended(&self, call: &Call<'_>) -> Result<(), Fault> {
        self.app.revoke_all(&Asker::from(call)).await
    }
}

impl GithubAppAuth {
    fn errand<'c>(&self, call: &'c Call<'_>) -> Errand<'c> {
        let shared = self.app.settings().share_tokens;
        Errand {
            workspace: if shared { "" } else { call.workspace_id() },
            patience: self.app.outside().0.clock().remaining(call),
        }
    }
}

/// # Errors
/// An `internal` fault for an end that this machine's clock cannot express.
fn handed_over(minted: &Minted) -> Result<Token, Fault> {
    let expires_at = SystemTime::try_from(minted.expires_at)
        .map_err(|error| Fault::internal(format!("the token's end is no time: {error}")))?;
    Ok(Token::new(minted.token.as_str())
        .expires_at(expires_at)
        .username(GIT_USER))
}

export_plugin! {
    GithubAppAuth {
        capabilities: [env_mutator, token_provider, workspace_lifecycle],
        execution: async,
        writes: ["GITHUB_TOKEN", "GH_TOKEN", "config:/inject"],
        secrets: ["GITHUB_TOKEN", "GH_TOKEN", "config:/inject"],
        shared_tokens: "config:/share_tokens",
        hosts: ["api.github.com", "config:/base_url"],
        config_schema: include_str!("../config.schema.json"),
        min_host_minor: 3,
    }
}
