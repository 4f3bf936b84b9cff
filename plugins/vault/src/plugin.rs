//! The plugin: what the host calls, and the host as the world.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, SystemTime},
};

use provisionhook_plugin_abi::{prelude::*, wire::FaultKind};
use provisionhook_provider_kit::outside::{Hosted, Outside};

use crate::{
    config::{Config, Settings},
    provider::{Issued, Provider, Start, TokenWish},
};

/// The host gives a plugin ten seconds to be made.
const BOOT_LIMIT: Duration = Duration::from_secs(7);

/// Puts secrets of Vault into environments, hands out tokens, and looks after leases.
pub struct Vault {
    provider: Provider<Hosted>,
}

impl Plugin for Vault {
    type Config = Config;

    /// Logs in, so that wrong credentials are reported at boot. A Vault that is down keeps nobody from starting.
    fn create(config: Config, host: &Host) -> Result<Self, Fault> {
        let settings = Settings::from_config(config)?;
        let (address, login) = (settings.address.clone(), settings.method.identity());
        let provider = Provider::new(settings, Hosted(host.clone()));
        match host.block_on(checked(&provider)) {
            Ok(()) => tracing::info!(%address, login, "ready"),
            Err(fault) if fault.kind() == FaultKind::TRANSIENT => {
                tracing::warn!(%address, %fault, "Vault does not answer yet; the login will be tried again");
            }
            Err(fault) => return Err(fault),
        }
        Ok(Self { provider })
    }
}

/// # Errors
/// Vault does not accept the credentials, or does not answer in time.
async fn checked(provider: &Provider<Hosted>) -> Result<(), Fault> {
    let mut check = pin!(provider.check());
    let mut limit = pin!(provider.world().sleep(BOOT_LIMIT));
    poll_fn(|context| {
        if let Poll::Ready(result) = check.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        match limit.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(Err(Fault::transient("Vault took too long to answer"))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

impl EnvMutator for Vault {
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let start = Start {
            id: call.workspace_id(),
            attributes: call,
            dry_run: call.is_dry_run(),
        };
        for (name, value) in &self.provider.variables(&start).await? {
            env.set_secret(name, value)?;
        }
        Ok(())
    }
}

impl TokenProvider for Vault {
    async fn token(&self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        let wish = TokenWish {
            audience: scope.audience(),
            repositories: scope.repositories().collect(),
            permissions: scope.permissions().collect(),
        };
        // Shared tokens are asked for by no workspace.
        let workspace = Some(call.workspace_id()).filter(|id| !id.is_empty());
        let issued = self.provider.token(workspace, call, &wish).await?;
        handed_over(issued)
    }
}

impl WorkspaceLifecycle for Vault {
    async fn tend(&self, call: &Call<'_>) -> Result<Again, Fault> {
        self.provider.tend(call.workspace_id()).await
    }

    async fn ended(&self, call: &Call<'_>) -> Result<(), Fault> {
        self.provider.ended(call.workspace_id()).await
    }
}

/// # Errors
/// An `internal` fault for an end that this machine's clock cannot express.
fn handed_over(issued: Issued) -> Result<Token, Fault> {
    let mut token = Token::new(issued.value.as_str());
    if let Some(ends_at) = issued.ends_at {
        let ends_at = SystemTime::try_from(ends_at)
            .map_err(|error| Fault::internal(format!("the token's end is no time: {error}")))?;
        token = token.expires_at(ends_at);
    }
    Ok(match issued.username {
        Some(username) => token.username(username),
        None => token,
    })
}

export_plugin! {
    Vault {
        capabilities: [env_mutator, token_provider, workspace_lifecycle],
        execution: async,
        writes: ["config:/variables", "config:/spread"],
        secrets: ["config:/variables", "config:/spread"],
        shared_tokens: "config:/share_tokens",
        hosts: ["config:/address"],
        config_schema: include_str!("../config.schema.json"),
        min_host_minor: 3,
    }
}
