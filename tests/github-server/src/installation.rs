//! An App's installation: on whose account, for which repositories, with which permissions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How much a permission allows. A higher level contains the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Read.
    Read,
    /// Read and write.
    Write,
    /// Read, write and administer.
    Admin,
}

impl Level {
    /// The level of that name, as it stands in a request.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "read" => Some(Self::Read),
            "write" => Some(Self::Write),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// Permissions by name, such as `pull_requests`.
pub(crate) type Permissions = BTreeMap<String, Level>;

/// The number by which this server knows a repository: the same for the same owner and name, in every run.
#[must_use]
pub fn repository_id(owner: &str, name: &str) -> u64 {
    // FNV-1a, cut to nine digits so that the number looks like one of GitHub's.
    let full_name = format!("{owner}/{name}").to_ascii_lowercase();
    full_name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
        % 1_000_000_000
}

#[derive(Clone, Debug)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) owner: String,
    /// Whether the account is a person's; `/orgs/…` then does not find it.
    pub(crate) user: bool,
    /// Empty means that the App was given all repositories of the account, whatever their names.
    pub(crate) repositories: Vec<String>,
    pub(crate) permissions: Permissions,
    pub(crate) suspension: Option<Suspension>,
}

/// Since when and by whom an installation is suspended.
#[derive(Clone, Debug)]
pub(crate) struct Suspension {
    pub(crate) at: Timestamp,
    pub(crate) by: String,
}

impl Installation {
    pub(crate) fn covers(&self, repository: &str) -> bool {
        if self.repositories.is_empty() {
            return !repository.is_empty() && !repository.contains('/');
        }
        self.repositories
            .iter()
            .any(|name| name.eq_ignore_ascii_case(repository))
    }

    pub(crate) fn repository_named_by(&self, id: u64) -> Option<&String> {
        self.repositories
            .iter()
            .find(|name| repository_id(&self.owner, name) == id)
    }

    pub(crate) fn grants(&self, permission: &str, level: Level) -> bool {
        self.permissions
            .get(permission)
            .is_some_and(|granted| *granted >= level)
    }

    pub(crate) fn selection(&self) -> &'static str {
        if self.repositories.is_empty() {
            "all"
        } else {
            "selected"
        }
    }

    pub(crate) fn to_json(&self, app_id: u64, client_id: &str, base_url: &str) -> Value {
        let kind = if self.user { "User" } else { "Organization" };
        json!({
            "id": self.id,
            "account": account(&self.owner, kind),
            "repository_selection": self.selection(),
            "access_tokens_url": format!("{base_url}/app/installations/{}/access_tokens", self.id),
            "repositories_url": format!("{base_url}/installation/repositories"),
            "html_url": format!("{base_url}/settings/installations/{}", self.id),
            "app_id": app_id,
            "client_id": client_id,
            "app_slug": "provisionhook-test",
            "target_id": repository_id(&self.owner, ""),
            "target_type": kind,
            "permissions": self.permissions,
            "events": [],
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": self.suspension.as_ref().map(|suspension| account(&suspension.by, "User")),
            "suspended_at": self.suspension.as_ref().map(|suspension| suspension.at.to_string()),
        })
    }

    pub(crate) fn repository_to_json(&self, name: &str) -> Value {
        let kind = if self.user { "User" } else { "Organization" };
        json!({
            "id": repository_id(&self.owner, name),
            "name": name,
            "full_name": format!("{}/{name}", self.owner),
            "private": true,
            "owner": account(&self.owner, kind),
        })
    }
}

fn account(login: &str, kind: &str) -> Value {
    json!({ "login": login, "id": repository_id(login, ""), "type": kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_keeps_its_number_whatever_the_case() {
        assert_eq!(repository_id("Acme", "Web"), repository_id("acme", "web"));
        assert_ne!(repository_id("acme", "web"), repository_id("acme", "api"));
    }

    #[test]
    fn a_higher_level_contains_the_lower() {
        assert!(Level::Admin > Level::Write && Level::Write > Level::Read);
    }
}
