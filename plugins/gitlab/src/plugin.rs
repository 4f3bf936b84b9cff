//! The plugin: what the host calls.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use provisionhook_plugin_abi::prelude::*;
use provisionhook_provider_kit::outside::{Hosted, Outside as _};
use zeroize::Zeroizing;

use crate::{
    client::Client,
    config::{Config, Settings},
    keeper::Keeper,
    maker::Maker,
    patience::Patience,
};

/// GitLab takes any user name that is not blank; this one does for OAuth tokens too.
const GIT_USER: &str = "oauth2";

/// What a dry run shows where a token would be made.
const NOT_MADE: &str = "made-when-a-workspace-starts";

/// Injects GitLab access tokens into environments, and hands them out while workspaces run.
pub struct Gitlab {
    host: Host,
    client: Arc<Client<Hosted>>,
    keeper: Keeper<Hosted>,
    maker: Option<Maker<Hosted>>,
}

/// Why a token is handed out.
#[derive(Clone, Copy)]
enum Why {
    /// A workspace starts.
    Start,
    /// Somebody asks, who may have had one before that was refused.
    Request,
}

/// A token, and until when it works.
struct Handed {
    token: Zeroizing<String>,
    good_until: Option<Timestamp>,
}

impl Plugin for Gitlab {
    type Config = Config;

    fn create(config: Config, host: &Host) -> Result<Self, Fault> {
        let settings = Settings::from_config(config)?;
        tracing::info!(base_url = %settings.base_url, rotates = settings.rotate.is_some(), makes = settings.create.is_some(), "ready");
        let client = Arc::new(Client::new(settings, Hosted(host.clone())));
        let keeper = Keeper::new(Arc::clone(&client));
        host.block_on(keeper.check())?;
        let create = client.settings().create.clone();
        Ok(Self {
            host: host.clone(),
            maker: create.map(|create| Maker::new(Arc::clone(&client), create)),
            keeper,
            client,
        })
    }
}

impl Gitlab {
    fn patience(&self, call: &Call<'_>) -> Patience {
        Patience::of(&self.host, call)
    }

    /// Whose token is asked for; none if there is one for all.
    ///
    /// # Errors
    /// It is not clear whose, or not allowed.
    fn subject<'a>(
        &self,
        call: &'a Call<'_>,
        repositories: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<String>, Fault> {
        let Some(maker) = &self.maker else {
            return Ok(None);
        };
        let named = |key: &str| call.labels().find(|(name, _)| *name == key);
        let label = maker.label().and_then(named).map(|(_, value)| value);
        let subject = maker.subject(call.workspace_id(), label, repositories)?;
        Ok(Some(subject))
    }

    /// # Errors
    /// There is no token for it.
    async fn handed(
        &self,
        subject: Option<&str>,
        patience: Patience,
        why: Why,
    ) -> Result<Handed, Fault> {
        let (Some(maker), Some(subject)) = (&self.maker, subject) else {
            let current = self.keeper.current(patience).await?;
            return Ok(Handed {
                token: current.token,
                good_until: current.good_until,
            });
        };
        if patience.is_dry() {
            return Ok(Handed {
                token: Zeroizing::new(NOT_MADE.to_owned()),
                good_until: None,
            });
        }
        let given = match why {
            Why::Start => maker.token(&self.keeper, subject, patience).await?,
            Why::Request => maker.requested(&self.keeper, subject, patience).await?,
        };
        Ok(Handed {
            token: given.token,
            good_until: given.ends_at,
        })
    }
}

impl EnvMutator for Gitlab {
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        let inject = &self.client.settings().inject;
        if !inject.token.is_empty() {
            let subject = self.subject(call, [])?;
            let handed = self
                .handed(subject.as_deref(), self.patience(call), Why::Start)
                .await?;
            for name in &inject.token {
                env.set_secret(name, &handed.token)?;
            }
        }
        for name in &inject.host {
            env.set(name, self.client.settings().host())?;
        }
        Ok(())
    }
}

impl TokenProvider for Gitlab {
    async fn token(&self, call: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        self.client.settings().check_audience(scope.audience())?;
        let subject = self.subject(call, scope.repositories())?;
        let handed = self
            .handed(subject.as_deref(), self.patience(call), Why::Request)
            .await?;
        let token = Token::new(handed.token.as_str()).username(GIT_USER);
        let Some(good_until) = handed.good_until else {
            return Ok(token);
        };
        let good_until = SystemTime::try_from(good_until)
            .map_err(|error| Fault::internal(format!("the token's end is no time: {error}")))?;
        Ok(token.expires_at(good_until))
    }
}

impl WorkspaceLifecycle for Gitlab {
    async fn tend(&self, call: &Call<'_>) -> Result<Again, Fault> {
        if self.client.settings().rotate.is_none() {
            return Ok(Again::never());
        }
        let current = self.keeper.current(self.patience(call)).await?;
        let now = self.client.world().now();
        let wait = current.rotation_at.map(|at| at.duration_since(now));
        Ok(wait.map_or_else(Again::never, |wait| {
            Again::after(Duration::try_from(wait).unwrap_or_default())
        }))
    }

    async fn ended(&self, call: &Call<'_>) -> Result<(), Fault> {
        match &self.maker {
            Some(maker) => {
                maker
                    .ended(&self.keeper, call.workspace_id(), self.patience(call))
                    .await
            }
            None => Ok(()),
        }
    }
}

export_plugin! {
    Gitlab {
        capabilities: [env_mutator, token_provider, workspace_lifecycle],
        execution: async,
        writes: ["GITLAB_TOKEN", "GITLAB_HOST", "config:/inject/token", "config:/inject/host"],
        secrets: ["GITLAB_TOKEN", "config:/inject/token"],
        hosts: ["gitlab.com", "config:/base_url"],
        config_schema: include_str!("../config.schema.json"),
    }
}
