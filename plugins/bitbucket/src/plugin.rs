//! The plugin: what the host calls.

use std::time::SystemTime;

use provisionhook_plugin_abi::{prelude::*, wire::FaultKind};
use provisionhook_provider_kit::outside::Hosted;

use crate::{
    client::Client,
    config::{Config, Settings},
};

/// Injects Bitbucket credentials into environments, and hands them out while workspaces run.
#[derive(Debug)]
pub struct Bitbucket {
    client: Client<Hosted>,
}

impl Plugin for Bitbucket {
    type Config = Config;

    fn create(config: Config, host: &Host) -> Result<Self, Fault> {
        let settings = Settings::from_config(config)?;
        tracing::info!(workspace = %settings.workspace, credential = settings.credential.kind(), "ready");
        let client = Client::new(settings, Hosted(host.clone()));
        match host.block_on(client.check()) {
            // A Bitbucket that is down is not the credential's fault.
            Err(fault) if fault.kind() == FaultKind::TRANSIENT => {
                tracing::warn!(%fault, "cannot tell yet whether the credential works");
            }
            other => other?,
        }
        Ok(Self { client })
    }
}

impl EnvMutator for Bitbucket {
    async fn mutate(&self, _: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let settings = self.client.settings();
        let (inject, credential) = (&settings.inject, &settings.credential);
        if !inject.token.is_empty() {
            let given = self.client.given().await?;
            for name in &inject.token {
                env.set_secret(name, &given.token)?;
            }
        }
        let email = credential.api_user().map(|email| (&inject.email, email));
        let open = [
            (&inject.username, credential.git_user()),
            (&inject.workspace, &settings.workspace),
        ];
        for (names, value) in open.into_iter().chain(email) {
            for name in names {
                env.set(name, value)?;
            }
        }
        Ok(())
    }
}

impl TokenProvider for Bitbucket {
    async fn token(&self, _: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        let settings = self.client.settings();
        settings.check_audience(scope.audience())?;
        for repository in scope.repositories() {
            settings.check_repository(repository)?;
        }
        let given = self.client.requested().await?;
        let token = Token::new(given.token.as_str()).username(settings.credential.git_user());
        let Some(ends_at) = given.ends_at else {
            return Ok(token);
        };
        let ends_at = SystemTime::try_from(ends_at)
            .map_err(|error| Fault::internal(format!("the token's end is no time: {error}")))?;
        Ok(token.expires_at(ends_at))
    }
}

export_plugin! {
    Bitbucket {
        capabilities: [env_mutator, token_provider],
        execution: async,
        writes: [
            "BITBUCKET_TOKEN", "BITBUCKET_USERNAME", "BITBUCKET_EMAIL", "BITBUCKET_WORKSPACE",
            "config:/inject/token", "config:/inject/username", "config:/inject/email", "config:/inject/workspace",
        ],
        secrets: ["BITBUCKET_TOKEN", "config:/inject/token"],
        shared_tokens: true,
        hosts: ["api.bitbucket.org", "bitbucket.org", "config:/base_url", "config:/site_url"],
        config_schema: include_str!("../config.schema.json"),
    }
}
