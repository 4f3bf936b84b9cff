//! A profile of AWS's `config` and `credentials` files.

use std::{path::PathBuf, sync::Arc};

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{environment::Environment, files, outside::Outside};
use zeroize::Zeroizing;

use super::{
    AssumedRole, Container, Credentials, Instance, Source, WebIdentity, World, chain,
    ini::{self, Section},
    source,
};

/// As many roles in a row as anybody needs; more are a circle.
const MOST_ROLES: usize = 5;

/// A profile. The files are read anew each time, as others write them.
#[derive(Debug)]
pub struct Profile {
    name: String,
    config_file: Option<PathBuf>,
    credentials_file: Option<PathBuf>,
    environment: Arc<Environment>,
}

/// Where a profile leads: to a source, and from there through roles.
struct Way {
    source: Source,
    /// The first is assumed last.
    roles: Vec<AssumedRole>,
}

struct Files {
    config: Zeroizing<String>,
    credentials: Zeroizing<String>,
}

impl Profile {
    /// The profile of this name in the usual files, or those that the variables or the arguments name.
    #[must_use]
    pub fn new(
        name: &str,
        config_file: Option<PathBuf>,
        credentials_file: Option<PathBuf>,
        environment: Arc<Environment>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            config_file: config_file.or_else(|| environment.file("AWS_CONFIG_FILE", ".aws/config")),
            credentials_file: credentials_file
                .or_else(|| environment.file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")),
            environment,
        }
    }

    /// The region that it names.
    ///
    /// # Errors
    /// The files cannot be read.
    pub(crate) async fn region(&self) -> Result<Option<String>, Fault> {
        let section = self.files().await?.section(&self.name);
        Ok(section.and_then(|section| section.get("region").map(|region| region.to_string())))
    }

    /// Whether it is there and leads to credentials at all.
    ///
    /// # Errors
    /// The files cannot be read.
    pub(super) async fn is_usable(&self) -> Result<bool, Fault> {
        let section = self.files().await?.section(&self.name).unwrap_or_default();
        let keys = [
            "aws_access_key_id",
            "role_arn",
            "credential_process",
            "sso_session",
            "sso_start_url",
        ];
        Ok(keys.iter().any(|key| section.contains_key(*key)))
    }

    /// # Errors
    /// What is missing in the files, or the source's and the roles' own.
    pub(super) async fn fetch<O: Outside>(
        &self,
        world: &World<'_, O>,
    ) -> Result<Credentials, Fault> {
        let way = self.way(&self.files().await?)?;
        let mut credentials = way.source.fetch_plain(world).await?;
        for role in way.roles.iter().rev() {
            credentials = world
                .sts
                .assume(world.outside, world.skew, role, &credentials)
                .await?;
        }
        Ok(credentials)
    }

    /// # Errors
    /// What is missing in the files.
    fn way(&self, files: &Files) -> Result<Way, Fault> {
        let (mut name, mut roles) = (self.name.clone(), Vec::new());
        loop {
            let section = files
                .section(&name)
                .ok_or_else(|| self.fault(&name, "found no such profile"))?;
            let Some(role) = role(&section) else {
                let source = self.own(&name, &section)?;
                return Ok(Way { source, roles });
            };
            roles.push(role);
            if roles.len() > MOST_ROLES {
                return Err(self.fault(&name, "found a circle of source_profile"));
            }
            let next = text(&section, "source_profile");
            if next.as_ref() == Some(&name) {
                return Ok(Way {
                    source: keys(&section).ok_or_else(|| {
                        self.fault(&name, "found a role without keys to assume it with")
                    })?,
                    roles,
                });
            }
            match (next, text(&section, "credential_source")) {
                (Some(next), None) => name = next,
                (None, Some(place)) => {
                    return Ok(Way {
                        source: self.place(&name, &place)?,
                        roles,
                    });
                }
                (None, None) | (Some(_), Some(_)) => {
                    return Err(self.fault(&name, "found a role_arn without exactly one of source_profile and credential_source"));
                }
            }
        }
    }

    /// What a profile without a role to assume says itself.
    ///
    /// # Errors
    /// Nothing that could be used.
    fn own(&self, name: &str, section: &Section) -> Result<Source, Fault> {
        if let (Some(token_file), Some(role_arn)) = (
            text(section, "web_identity_token_file"),
            text(section, "role_arn"),
        ) {
            let session_name =
                text(section, "role_session_name").unwrap_or_else(source::session_name);
            let role = AssumedRole {
                role_arn,
                session_name,
                external_id: None,
            };
            return Ok(Source::WebIdentity(WebIdentity {
                token_file: token_file.into(),
                role,
            }));
        }
        if let Some(keys) = keys(section) {
            return Ok(keys);
        }
        if let Some(command) = text(section, "credential_process") {
            return Ok(Source::Process(command));
        }
        let sso = section.contains_key("sso_session") || section.contains_key("sso_start_url");
        Err(self.fault(name, if sso {
            "found one for single sign-on, which needs a person; write credential_process = aws configure export-credentials --format process instead"
        } else {
            "found neither keys nor role_arn nor credential_process in it"
        }))
    }

    /// # Errors
    /// A place that is none, or has none.
    fn place(&self, name: &str, place: &str) -> Result<Source, Fault> {
        let found = match place {
            "Environment" => chain::keys(&self.environment)?.map(Source::Given),
            "EcsContainer" => Container::from_environment(&self.environment)?.map(Source::Container),
            "Ec2InstanceMetadata" => Instance::from_environment(&self.environment)?.map(Source::Instance),
            _ => return Err(self.fault(name, "found another credential_source than Environment, EcsContainer and Ec2InstanceMetadata")),
        };
        found.ok_or_else(|| {
            self.fault(
                name,
                &format!("found credential_source = {place}, and no credentials there"),
            )
        })
    }

    /// # Errors
    /// A file cannot be read.
    async fn files(&self) -> Result<Files, Fault> {
        let mut texts = [Zeroizing::default(), Zeroizing::default()];
        for (text, path) in texts
            .iter_mut()
            .zip([&self.config_file, &self.credentials_file])
        {
            if let Some(path) = path {
                *text = files::read(path).await?.unwrap_or_default();
            }
        }
        let [config, credentials] = texts;
        Ok(Files {
            config,
            credentials,
        })
    }

    fn fault(&self, name: &str, found: &str) -> Fault {
        let path = |path: &Option<PathBuf>| {
            path.as_ref()
                .map_or_else(|| "no file".to_owned(), |path| path.display().to_string())
        };
        Fault::config(format!(
            "expected credentials in the AWS profile {name:?} ({}, {}), {found}",
            path(&self.config_file),
            path(&self.credentials_file)
        ))
    }
}

impl Files {
    /// What both files say; the credentials file is believed first.
    fn section(&self, name: &str) -> Option<Section> {
        let (config, credentials) = (
            ini::profile(&self.config, name),
            ini::profile(&self.credentials, name),
        );
        match (config, credentials) {
            (None, None) => None,
            (config, credentials) => {
                let mut both = config.unwrap_or_default();
                both.extend(credentials.unwrap_or_default());
                Some(both)
            }
        }
    }
}

fn text(section: &Section, key: &str) -> Option<String> {
    section
        .get(key)
        .map(|value| value.to_string())
        .filter(|value| !value.is_empty())
}

/// The role that needs other credentials.
fn role(section: &Section) -> Option<AssumedRole> {
    if section.contains_key("web_identity_token_file") {
        return None;
    }
    Some(AssumedRole {
        role_arn: text(section, "role_arn")?,
        session_name: text(section, "role_session_name").unwrap_or_else(source::session_name),
        external_id: text(section, "external_id"),
    })
}

fn keys(section: &Section) -> Option<Source> {
    Some(Source::Given(Credentials {
        access_key_id: text(section, "aws_access_key_id")?,
        secret_access_key: section.get("aws_secret_access_key")?.clone(),
        session_token: section.get("aws_session_token").cloned(),
        expires_at: None,
    }))
}

#[cfg(test)]
mod tests;
