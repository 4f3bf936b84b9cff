//! Which account a workspace belongs to, when the App serves several.

use std::collections::BTreeMap;

use provisionhook_plugin_abi::sdk::{Call, Fault};
use serde::Deserialize;

use super::account::Account;

const FIELD: &str = "/choose";

/// The config's `choose`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    by: String,
    owners: Option<BTreeMap<String, String>>,
    otherwise: Option<String>,
}

/// What is known of the workspace that asks. By default it is the platform itself.
#[derive(Clone, Debug, Default)]
pub struct Asker<'a> {
    /// Its id; empty for the platform, and for a token that several workspaces share.
    pub workspace: &'a str,
    /// Its tenant; empty if it has none.
    pub tenant: &'a str,
    /// Its labels.
    pub labels: Vec<(&'a str, &'a str)>,
}

impl<'a> From<&'a Call<'_>> for Asker<'a> {
    fn from(call: &'a Call<'_>) -> Self {
        Self {
            workspace: call.workspace_id(),
            tenant: call.tenant(),
            labels: call.labels().collect(),
        }
    }
}

/// How the account is chosen. Made of a checked config alone.
#[derive(Debug)]
pub struct Choice {
    by: By,
    /// Places in the list of accounts, by the value that stands for each.
    owners: BTreeMap<String, usize>,
    otherwise: Option<usize>,
}

#[derive(Debug)]
enum By {
    Tenant,
    Label(String),
}

impl Given {
    /// # Errors
    /// An attribute that there is not, or an owner that is not among the accounts.
    pub(super) fn checked(self, accounts: &[Account]) -> Result<Choice, Fault> {
        let by = match self.by.split_once(':') {
            None if self.by == "tenant" => By::Tenant,
            Some(("label", key)) if !key.is_empty() => By::Label(key.to_owned()),
            _ => {
                return Err(Fault::config(format!(
                    "{FIELD}/by: expected \"tenant\" or \"label:KEY\", found {:?}",
                    self.by
                )));
            }
        };
        let owners = match self.owners {
            Some(owners) => owners
                .into_iter()
                .map(|(value, owner)| Ok((value, place(accounts, &owner, "owners")?)))
                .collect::<Result<_, Fault>>()?,
            None => by_name(accounts),
        };
        let otherwise = self
            .otherwise
            .map(|owner| place(accounts, &owner, "otherwise"))
            .transpose()?;
        Ok(Choice {
            by,
            owners,
            otherwise,
        })
    }
}

impl Choice {
    /// The place of the asker's account in the list of accounts.
    ///
    /// # Errors
    /// A `denied` fault for a workspace that belongs to none.
    pub fn account(&self, asker: &Asker<'_>) -> Result<usize, Fault> {
        let value = match &self.by {
            By::Tenant => asker.tenant,
            By::Label(key) => {
                let label = asker.labels.iter().find(|(known, _)| known == key);
                label.map_or("", |(_, value)| value)
            }
        };
        let chosen = self.owners.get(value).copied().or(self.otherwise);
        chosen.ok_or_else(|| {
            let known: Vec<String> = self.owners.keys().map(|key| format!("{key:?}")).collect();
            Fault::denied(format!(
                "expected a workspace whose {} is one of {}, found {value:?}; add it to {FIELD}/owners, or set {FIELD}/otherwise",
                self.by.name(),
                known.join(", ")
            ))
        })
    }
}

impl By {
    fn name(&self) -> String {
        match self {
            Self::Tenant => "tenant".to_owned(),
            Self::Label(key) => format!("label {key:?}"),
        }
    }
}

/// Without a table, a value is an owner's name.
fn by_name(accounts: &[Account]) -> BTreeMap<String, usize> {
    let named = accounts.iter().enumerate();
    named
        .filter_map(|(place, account)| Some((account.owner()?.to_owned(), place)))
        .collect()
}

/// # Errors
/// An owner that is not among the accounts.
fn place(accounts: &[Account], owner: &str, field: &str) -> Result<usize, Fault> {
    let found = accounts.iter().position(|account| {
        account
            .owner()
            .is_some_and(|known| known.eq_ignore_ascii_case(owner))
    });
    found.ok_or_else(|| {
        Fault::config(format!(
            "{FIELD}/{field}: expected an owner out of /installations, found {owner:?}"
        ))
    })
}
