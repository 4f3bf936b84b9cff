//! Which accounts the App serves, and how wide a token each of them gives.

use std::collections::BTreeMap;

use provisionhook_plugin_abi::sdk::Fault;
use serde::Deserialize;

use super::id::Id;
use crate::{
    name,
    scope::{self, Bounds, MOST_REPOSITORIES, Permissions},
};

/// An account with an installation of the App.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The JSON pointer of what says so in the config.
    pub field: String,
    /// How its installation is found.
    pub target: Target,
    /// The widest token.
    pub bounds: Bounds,
}

impl Account {
    /// Its name, if the config says so.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        match &self.target {
            Target::Id(_) => None,
            Target::Owner(owner) | Target::Repository { owner, .. } => Some(owner),
        }
    }
}

/// Which installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one with this number.
    Id(u64),
    /// The one on this account.
    Owner(String),
    /// The one that reaches this repository.
    Repository {
        /// Its owner.
        owner: String,
        /// Its name.
        name: String,
    },
}

/// The fields of the config that say which accounts.
pub(super) struct Given {
    pub(super) installation_id: Option<Id>,
    pub(super) owner: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) installations: Option<Vec<Entry>>,
    pub(super) repositories: Vec<String>,
    pub(super) permissions: BTreeMap<String, String>,
}

/// One of several installations: an owner, or more than that.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Entry {
    Owner(String),
    Whole(Whole),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whole {
    owner: String,
    #[serde(default)]
    repositories: Vec<String>,
    permissions: Option<BTreeMap<String, String>>,
}

impl Given {
    /// The accounts: at least one.
    ///
    /// # Errors
    /// None or several of the ways to name them, or a name that cannot be one.
    pub(super) fn accounts(self) -> Result<Vec<Account>, Fault> {
        let permissions = permissions("/permissions", self.permissions)?;
        let ways = [
            self.installation_id.is_some(),
            self.owner.is_some(),
            self.repository.is_some(),
            self.installations.is_some(),
        ];
        match ways.iter().filter(|way| **way).count() {
            0 => {
                return Err(Fault::config(
                    "expected \"owner\", \"repository\", \"installation_id\" or \"installations\", found none of them; they say whose installation to use",
                ));
            }
            1 => {}
            _ => {
                return Err(Fault::config(
                    "expected one of \"owner\", \"repository\", \"installation_id\" and \"installations\", found several; keep one",
                ));
            }
        }
        if let Some(entries) = self.installations {
            return several(entries, &self.repositories, &permissions);
        }
        let (field, target) = match (self.installation_id, self.owner, self.repository) {
            (Some(Id(id)), ..) => ("/installation_id", Target::Id(id)),
            (_, Some(owner), _) => ("/owner", Target::Owner(account_name("/owner", owner)?)),
            (.., full) => ("/repository", of_repository(&full.unwrap_or_default())?),
        };
        let repositories = repositories("/repositories", self.repositories)?;
        Ok(vec![Account {
            field: field.to_owned(),
            target,
            bounds: Bounds {
                repositories,
                permissions,
            },
        }])
    }
}

/// # Errors
/// No entry, two for one owner, or a name that cannot be one.
fn several(
    entries: Vec<Entry>,
    common: &[String],
    permissions: &Permissions,
) -> Result<Vec<Account>, Fault> {
    if entries.is_empty() {
        return Err(Fault::config(
            "/installations: expected at least one owner, found none",
        ));
    }
    if !common.is_empty() {
        return Err(Fault::config(
            "/repositories: expected none beside \"installations\", found some; write them into the entry of their owner: {\"owner\": …, \"repositories\": […]}",
        ));
    }
    let mut accounts: Vec<Account> = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let account = entry.account(&format!("/installations/{at}"), permissions)?;
        let same = |other: &Account| match (other.owner(), account.owner()) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            _ => false,
        };
        if accounts.iter().any(same) {
            return Err(Fault::config(format!(
                "/installations/{at}: expected another owner than before, found {:?} once more; an App is installed on an account once",
                account.owner().unwrap_or_default()
            )));
        }
        accounts.push(account);
    }
    Ok(accounts)
}

impl Entry {
    /// # Errors
    /// A name or level that cannot be one.
    fn account(self, at: &str, common: &Permissions) -> Result<Account, Fault> {
        let whole = match self {
            Self::Owner(owner) => Whole {
                owner,
                repositories: Vec::new(),
                permissions: None,
            },
            Self::Whole(whole) => whole,
        };
        let permissions = match whole.permissions {
            Some(own) => permissions(&format!("{at}/permissions"), own)?,
            None => common.clone(),
        };
        Ok(Account {
            field: at.to_owned(),
            target: Target::Owner(account_name(at, whole.owner)?),
            bounds: Bounds {
                repositories: repositories(&format!("{at}/repositories"), whole.repositories)?,
                permissions,
            },
        })
    }
}

/// # Errors
/// A name that cannot be one.
fn account_name(at: &str, owner: String) -> Result<String, Fault> {
    if name::is_github_name(&owner) {
        return Ok(owner);
    }
    Err(Fault::config(format!(
        "{at}: expected the name of an organization or user, found {owner:?}"
    )))
}

/// # Errors
/// A name that cannot be one.
fn of_repository(full: &str) -> Result<Target, Fault> {
    let (owner, name) = name::owner_and_repository(full).ok_or_else(|| {
        Fault::config(format!(
            "/repository: expected \"owner/name\", found {full:?}"
        ))
    })?;
    Ok(Target::Repository {
        owner: owner.to_owned(),
        name: name.to_owned(),
    })
}

/// # Errors
/// A name that cannot be one, or too many.
fn repositories(at: &str, names: Vec<String>) -> Result<Vec<String>, Fault> {
    if names.len() > MOST_REPOSITORIES {
        return Err(Fault::config(format!(
            "{at}: expected at most {MOST_REPOSITORIES}, found {}; leave the list empty for all that are installed",
            names.len()
        )));
    }
    match names.iter().position(|name| !name::is_github_name(name)) {
        None => Ok(names),
        Some(wrong) => Err(Fault::config(format!(
            "{at}/{wrong}: expected a repository's name without its owner, such as \"web\", found {:?}",
            names[wrong]
        ))),
    }
}

/// # Errors
/// A name or level that cannot be one.
fn permissions(at: &str, asked: BTreeMap<String, String>) -> Result<Permissions, Fault> {
    let checked = asked.into_iter().map(|(name, level)| {
        let level = scope::permission(&name, &level)
            .map_err(|problem| Fault::config(format!("{at}: {problem}")))?;
        Ok((name, level))
    });
    checked.collect()
}
