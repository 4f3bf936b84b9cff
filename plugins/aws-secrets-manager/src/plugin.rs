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
    credentials::{Source, Sts, keeper::Keeper},
    reference::Reference,
    secrets::Secrets,
};

/// Puts secrets of AWS Secrets Manager into workspaces. All workspaces share what was fetched.
#[derive(Debug)]
pub struct AwsSecretsManager<O = Hosted> {
    secrets: Secrets<O>,
    wishes: Wishes<Reference>,
}

impl<O: Outside> AwsSecretsManager<O> {
    /// Finds region, endpoints and credentials, and asks STS whose these are. No secret is fetched.
    ///
    /// # Errors
    /// What the operator has to mend.
    pub async fn new(
        settings: Settings,
        environment: Arc<Environment>,
        outside: O,
    ) -> Result<Self, Fault> {
        let Settings {
            mut place,
            credentials,
            wanted,
            cache,
        } = settings;
        let chain = credentials.is_chain();
        if chain {
            place = place.or_environment(&environment)?;
        }
        let source = credentials.source(&environment).await?;
        if let Source::Profile(profile) = &source {
            place = place.or_region(profile.region().await?)?;
        }
        let region = place.region()?.to_owned();
        check_regions(&wanted, &region)?;
        let sts = Sts::new(place.sts()?, &region);
        // Found by elimination, and nobody is there: then there are no credentials at all.
        let guessed = chain && matches!(source, Source::Instance(_));
        let api = Api::new(
            outside,
            place.secrets_manager()?,
            &region,
            sts,
            Keeper::new(source),
        );
        match api.caller().await {
            Ok(identity) => tracing::info!(identity, region, "ready"),
            Err(fault) if fault.kind() == FaultKind::CONFIG => return Err(fault),
            Err(fault) if guessed => {
                return Err(Fault::config(format!(
                    "expected AWS credentials, found none in the environment, and {fault}"
                )));
            }
            Err(fault) => tracing::warn!(
                region,
                "ready, but nobody knows yet whether the credentials are good: {fault}"
            ),
        }
        Ok(Self {
            secrets: Secrets::new(api, &region),
            wishes: Wishes::new(wanted, cache),
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
/// A secret of another region: AWS would say that it is not there.
fn check_regions(wanted: &[Wanted<Reference>], region: &str) -> Result<(), Fault> {
    let other = wanted
        .iter()
        .find(|wanted| wanted.secret.region().is_some_and(|own| own != region));
    other.map_or(Ok(()), |other| {
        Err(Fault::config(format!(
            "expected secrets of the region {region}, found {}; this plugin serves one region, so replicate the secret there, or correct /region",
            other.secret
        )))
    })
}

impl Plugin for AwsSecretsManager {
    type Config = Config;

    fn create(config: Config, host: &Host) -> Result<Self, Fault> {
        let environment = Arc::new(Environment::of_the_process());
        host.block_on(Self::new(
            Settings::from_config(config)?,
            environment,
            Hosted(host.clone()),
        ))
    }
}

impl EnvMutator for AwsSecretsManager {
    async fn mutate(&self, _: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        for (name, value) in self.variables().await?.iter() {
            env.set_secret(name, value)?;
        }
        Ok(())
    }
}

export_plugin! {
    AwsSecretsManager {
        capabilities: [env_mutator],
        execution: async,
        writes: ["config:/variables", "config:/spread"],
        secrets: ["config:/variables", "config:/spread"],
        hosts: [
            "*.amazonaws.com", "*.amazonaws.com.cn", "*.api.aws",
            "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "169.254.169.254", "[fd00:ec2::254]",
            "config:/endpoint", "config:/sts_endpoint", "config:/credentials/container/uri", "config:/credentials/instance/endpoint",
        ],
        config_schema: include_str!("../config.schema.json"),
    }
}
