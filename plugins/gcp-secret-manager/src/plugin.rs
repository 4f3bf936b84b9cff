//! The plugin: what the host calls.

use std::sync::Arc;

use provisionhook_plugin_abi::{prelude::*, wire::FaultKind};
use provisionhook_provider_kit::{
    environment::Environment,
    outside::{Hosted, Outside},
    values::{Variables, Wanted, Wishes},
};

use crate::{
    api::Api,
    config::{Config, Settings},
    credentials::{Found, keeper::Keeper},
    reference::{Named, Reference},
    secrets::Secrets,
};

/// Puts secrets of Google Cloud's Secret Manager into workspaces. All workspaces share what was fetched.
#[derive(Debug)]
pub struct GcpSecretManager<O = Hosted> {
    secrets: Secrets<O>,
    wishes: Wishes<Reference>,
}

impl<O: Outside> GcpSecretManager<O> {
    /// Finds credentials and project, and gets a first token. No secret is fetched.
    ///
    /// # Errors
    /// What the operator has to mend.
    pub async fn new(
        settings: Settings,
        environment: &Environment,
        outside: O,
    ) -> Result<Self, Fault> {
        let found = Found::new(&settings, environment).await?;
        let needs_project = settings
            .wanted
            .iter()
            .any(|wanted| wanted.secret.needs_project());
        let project = match settings.project.or_else(|| found.project.clone()) {
            None if needs_project => found.project_of_the_machine(&outside).await,
            project => project,
        };
        let wanted = within(settings.wanted, project.as_deref())?;
        let quota_project = settings.quota_project.or(found.quota_project);
        let api = Api::new(
            outside,
            settings.endpoint,
            quota_project,
            found.source.map(Keeper::new),
        );
        match api.token().await {
            Ok(_) => tracing::info!(project, credentials = found.name, "ready"),
            Err(fault) if fault.kind() == FaultKind::CONFIG => return Err(fault),
            Err(fault) if found.guessed => {
                return Err(Fault::config(format!(
                    "expected Google credentials, found neither GOOGLE_APPLICATION_CREDENTIALS nor gcloud's file, and {fault}"
                )));
            }
            Err(fault) => tracing::warn!(
                project,
                "ready, but nobody knows yet whether the credentials are good: {fault}"
            ),
        }
        Ok(Self {
            secrets: Secrets::new(api, settings.latest_enabled),
            wishes: Wishes::new(wanted, settings.cache),
        })
    }

    /// The variables: from the cache, or else one fetch for all who ask.
    ///
    /// # Errors
    /// Secrets that are not to be had, or do not have what is wanted.
    pub async fn variables(&self) -> Result<Arc<Variables>, Fault> {
        let fetch = self.secrets.fetch(self.wishes.secrets());
        self.wishes.variables(self.outside(), fetch).await
    }

    /// The world that it was given.
    pub fn outside(&self) -> &O {
        self.secrets.api().outside()
    }
}

/// # Errors
/// No project for a secret that needs one.
fn within(
    wanted: Vec<Wanted<Named>>,
    project: Option<&str>,
) -> Result<Vec<Wanted<Reference>>, Fault> {
    let within = |wanted: Wanted<Named>| {
        Ok(Wanted {
            secret: wanted.secret.within(project)?,
            take: wanted.take,
        })
    };
    wanted.into_iter().map(within).collect()
}

impl Plugin for GcpSecretManager {
    type Config = Config;

    fn create(config: Config, host: &Host) -> Result<Self, Fault> {
        let environment = Environment::of_the_process();
        host.block_on(Self::new(
            Settings::from_config(config)?,
            &environment,
            Hosted(host.clone()),
        ))
    }
}

impl EnvMutator for GcpSecretManager {
    async fn mutate(&self, _: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        for (name, value) in self.variables().await?.iter() {
            env.set_secret(name, value)?;
        }
        Ok(())
    }
}

export_plugin! {
    GcpSecretManager {
        capabilities: [env_mutator],
        execution: async,
        writes: ["config:/variables", "config:/spread"],
        secrets: ["config:/variables", "config:/spread"],
        hosts: [
            "*.googleapis.com", "accounts.google.com", "metadata.google.internal", "169.254.169.254",
            "config:/endpoint", "config:/metadata_endpoint", "config:/token_urls",
        ],
        config_schema: include_str!("../config.schema.json"),
    }
}
