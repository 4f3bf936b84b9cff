//! The plugin: what the host calls, and the host as the world outside.

use std::time::SystemTime;

use jiff::Timestamp;
use provisionhook_plugin_abi::prelude::*;

use crate::{
    app::{App, Minted},
    config::{Config, Settings},
    injected::Injected,
    outside::{self, Outside},
};

/// GitHub takes any password for a token with this user name.
const GIT_USER: &str = "x-access-token";

/// Injects a GitHub App's installation tokens into environments, and hands them out while workspaces run.
#[derive(Debug)]
pub struct GithubAppAuth {
    app: App<Hosted>,
    injected: Injected,
}

impl Plugin for GithubAppAuth {
    type Config = Config;

    fn create(config: Config, host: &Host) -> Result<Self, Fault> {
        let app = App::new(Settings::from_config(config)?, Hosted(host.clone()))?;
        let settings = app.settings();
        tracing::info!(app = %settings.issuer, base_url = %settings.base_url, "ready");
        Ok(Self {
            app,
            injected: Injected::default(),
        })
    }
}

impl EnvMutator for GithubAppAuth {
    async fn mutate(&self, _: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let names = &self.app.settings().inject;
        if names.is_empty() {
            return Ok(());
        }
        let minted = self.injected.token(&self.app).await?;
        for name in names {
            env.set_secret(name, &minted.token)?;
        }
        Ok(())
    }
}

impl TokenProvider for GithubAppAuth {
    async fn token(&self, _: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        let settings = self.app.settings();
        settings.check_audience(scope.audience())?;
        let wish = settings
            .bounds
            .narrowed(scope.repositories(), scope.permissions())?;
        // Never from the cache of injected tokens: the host asks when its own token is old, or was refused somewhere.
        let minted = self.app.mint(&wish).await?;
        if wish.is_widest() {
            self.injected.keep(&minted);
        }
        handed_over(&minted)
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

/// The host's clock and HTTP client.
#[derive(Debug)]
struct Hosted(Host);

impl Outside for Hosted {
    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.0.clock().now()).unwrap_or_default()
    }

    async fn send(&self, request: outside::Request) -> Result<outside::Response, Fault> {
        let mut outgoing = self
            .0
            .http()
            .request(request.method, &request.url)
            .max_response_bytes(request.max_response_bytes);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(name, value);
        }
        let response = outgoing
            .body(request.body.unwrap_or_default())
            .send()
            .await?;
        let header = |name: &str| response.header(name).map(str::to_owned);
        Ok(outside::Response::new(
            response.status(),
            header,
            response.body(),
        ))
    }
}

export_plugin! {
    GithubAppAuth {
        capabilities: [env_mutator, token_provider],
        execution: async,
        writes: ["GITHUB_TOKEN", "GH_TOKEN", "config:/inject"],
        secrets: ["GITHUB_TOKEN", "GH_TOKEN", "config:/inject"],
        shared_tokens: true,
        hosts: ["api.github.com", "config:/base_url"],
        config_schema: include_str!("../config.schema.json"),
    }
}
