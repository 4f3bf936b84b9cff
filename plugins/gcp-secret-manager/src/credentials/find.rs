//! Where credentials are: as the config says, or where Google's own tools look.

use std::path::PathBuf;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{environment::Environment, files, outside::Outside};

use super::{
    Base, Machine, Source,
    file::{self, Opened},
};
use crate::config::{CredentialsConfig, Settings};

/// Credentials, and what else is known by them.
#[derive(Debug)]
pub struct Found {
    /// None: no token is wanted.
    pub source: Option<Source>,
    /// The project that they belong to.
    pub project: Option<String>,
    /// The project that pays.
    pub quota_project: Option<String>,
    /// Nothing was found, so it can only be the machine's.
    pub guessed: bool,
    /// What they are called in the log.
    pub name: &'static str,
}

impl Found {
    /// Asks nobody for a token yet.
    ///
    /// # Errors
    /// A file that is missing or does not fit.
    pub async fn new(settings: &Settings, environment: &Environment) -> Result<Self, Fault> {
        let machine = |address: Option<&str>| {
            Ok(Source {
                base: Base::Machine(Machine::new(address)?),
                then: Vec::new(),
            })
        };
        match &settings.credentials {
            CredentialsConfig::None => Ok(Self {
                source: None,
                project: None,
                quota_project: None,
                guessed: false,
                name: "none",
            }),
            CredentialsConfig::Json(text) => Ok(Self::opened(file::open(
                text,
                "/credentials/json",
                settings.allow_executables,
            )?)),
            CredentialsConfig::Metadata => {
                Ok(Self::of(machine(settings.metadata_endpoint.as_deref())?))
            }
            CredentialsConfig::ApplicationDefault => {
                let mut found = match default_file(environment).await? {
                    Some((path, text)) => {
                        let allowed = settings.allow_executables
                            || environment
                                .get("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES")
                                .as_deref()
                                == Some("1");
                        Self::opened(file::open(&text, &path.display().to_string(), allowed)?)
                    }
                    None => {
                        let address = settings
                            .metadata_endpoint
                            .clone()
                            .or_else(|| environment.get("GCE_METADATA_HOST"));
                        Self {
                            guessed: true,
                            ..Self::of(machine(address.as_deref())?)
                        }
                    }
                };
                found.project = environment.get("GOOGLE_CLOUD_PROJECT").or(found.project);
                found.quota_project = environment
                    .get("GOOGLE_CLOUD_QUOTA_PROJECT")
                    .or(found.quota_project);
                Ok(found)
            }
        }
    }

    /// The project that the machine is in, if it is one on Google's cloud.
    pub async fn project_of_the_machine<O: Outside>(&self, outside: &O) -> Option<String> {
        match self.source.as_ref().map(|source| &source.base) {
            Some(Base::Machine(machine)) => machine.project(outside).await,
            Some(Base::ServiceAccount(_) | Base::Person(_) | Base::External(_)) | None => None,
        }
    }

    fn opened(opened: Opened) -> Self {
        Self {
            project: opened.project,
            quota_project: opened.quota_project,
            ..Self::of(opened.source)
        }
    }

    fn of(source: Source) -> Self {
        Self {
            name: source.name(),
            source: Some(source),
            project: None,
            quota_project: None,
            guessed: false,
        }
    }
}

/// The file that the variables name, or the one that gcloud leaves behind.
///
/// # Errors
/// A named file that is not there, or one that cannot be read.
async fn default_file(
    environment: &Environment,
) -> Result<Option<(PathBuf, zeroize::Zeroizing<String>)>, Fault> {
    if let Some(path) = environment
        .get("GOOGLE_APPLICATION_CREDENTIALS")
        .map(PathBuf::from)
    {
        let text = files::read(&path).await?.ok_or_else(|| {
            Fault::config(format!("expected a credentials file at {}, as GOOGLE_APPLICATION_CREDENTIALS says, found none", path.display()))
        })?;
        return Ok(Some((path, text)));
    }
    let directory = environment.file("CLOUDSDK_CONFIG", ".config/gcloud");
    let Some(path) =
        directory.map(|directory| directory.join("application_default_credentials.json"))
    else {
        return Ok(None);
    };
    Ok(files::read(&path).await?.map(|text| (path, text)))
}
