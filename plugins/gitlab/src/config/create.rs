//! What tokens are made, and where.

use provisionhook_plugin_abi::sdk::Fault;
use serde::Deserialize;

use super::place::{Place, is_path, of_place};
use crate::client::encoded;

const LEVELS: [u8; 6] = [10, 15, 20, 30, 40, 50];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateConfig {
    service_account: Option<ServiceAccount>,
    projects: Option<Vec<String>>,
    project_label: Option<String>,
    access_level: Option<u8>,
    scopes: Vec<String>,
    #[serde(default = "one")]
    lifetime_days: u16,
    #[serde(default = "usual_name")]
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceAccount {
    group: Place,
    user_id: u64,
}

/// What tokens to make.
#[derive(Clone, Debug)]
pub struct Create {
    /// Where.
    pub at: At,
    /// What they allow.
    pub scopes: Vec<String>,
    /// For how many whole days they work at least.
    pub lifetime_days: u16,
    /// What their names begin with.
    pub name: String,
}

/// Where tokens are made.
#[derive(Clone, Debug)]
pub enum At {
    /// Below this path, for each workspace.
    ServiceAccount(String),
    /// For each of these projects.
    Projects {
        /// Their paths.
        projects: Vec<String>,
        /// The label of a workspace that names one.
        label: String,
        /// The tokens' role.
        access_level: u8,
    },
}

impl At {
    /// Below which path a project's tokens are made.
    #[must_use]
    pub fn path_of(&self, project: &str) -> String {
        match self {
            Self::ServiceAccount(path) => path.clone(),
            Self::Projects { .. } => of_place("projects", &encoded(project)),
        }
    }
}

impl CreateConfig {
    /// # Errors
    /// A field that is wrong.
    pub(super) fn checked(self) -> Result<Create, Fault> {
        if !(1..=364).contains(&self.lifetime_days) {
            return Err(Fault::config(format!(
                "/create/lifetime_days: expected 1 to 364, found {}",
                self.lifetime_days
            )));
        }
        if self.scopes.is_empty() || !self.scopes.iter().all(|scope| is_word(scope, b"_", 32)) {
            return Err(Fault::config(
                "/create/scopes: expected scopes such as \"read_repository\", found none or something else",
            ));
        }
        if !is_word(&self.name, b"._-", 60) {
            return Err(Fault::config(format!(
                "/create/name: expected up to 60 letters, digits, dots and hyphens, found {:?}",
                self.name
            )));
        }
        Ok(Create {
            at: self.at()?,
            scopes: self.scopes,
            lifetime_days: self.lifetime_days,
            name: self.name,
        })
    }

    /// # Errors
    /// Neither or both of the two, or one that is wrong.
    fn at(&self) -> Result<At, Fault> {
        match (&self.service_account, &self.projects) {
            (Some(account), None) => {
                if account.user_id == 0 {
                    return Err(Fault::config(
                        "/create/service_account/user_id: expected a number, found 0",
                    ));
                }
                let group = account.group.segment("/create/service_account/group")?;
                let path = format!(
                    "/groups/{group}/service_accounts/{}/personal_access_tokens",
                    account.user_id
                );
                Ok(At::ServiceAccount(path))
            }
            (None, Some(projects)) => {
                let good = |path: &String| is_path(path) && path.contains('/');
                if projects.is_empty() || !projects.iter().all(good) {
                    return Err(Fault::config(
                        "/create/projects: expected paths such as \"acme/web\", found none or something else",
                    ));
                }
                let access_level = self.access_level.unwrap_or(30);
                if !LEVELS.contains(&access_level) {
                    return Err(Fault::config(format!(
                        "/create/access_level: expected one of {LEVELS:?}, found {access_level}"
                    )));
                }
                Ok(At::Projects {
                    projects: projects.clone(),
                    label: self
                        .project_label
                        .clone()
                        .unwrap_or_else(|| "gitlab-project".to_owned()),
                    access_level,
                })
            }
            _ => Err(Fault::config(
                "/create: expected one of \"service_account\" and \"projects\", found none or both; keep one",
            )),
        }
    }
}

fn one() -> u16 {
    1
}

fn usual_name() -> String {
    "provisionhook".to_owned()
}

fn is_word(word: &str, also: &[u8], most: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
    (1..=most).contains(&word.len()) && word.bytes().all(plain)
}
