//! The config as the operator writes it, and the settings that come of it once all of it is checked.

mod account;
mod choice;
mod id;

use std::collections::BTreeMap;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::service::Service;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    base_url::{self, ApiUrl},
    jwt::Issuer,
    key::AppKey,
    name,
    scope::{self, Wish},
};

pub use self::{
    account::{Account, Target},
    choice::{Asker, Choice},
};

use self::id::Id;

const STATUS_PAGE: &str = "https://www.githubstatus.com";

/// The JSON beside the plugin. `config.schema.json` describes each field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    app_id: Option<Id>,
    client_id: Option<String>,
    installation_id: Option<Id>,
    owner: Option<String>,
    repository: Option<String>,
    installations: Option<Vec<account::Entry>>,
    choose: Option<choice::Given>,
    private_key: Zeroizing<String>,
    #[serde(default = "cloud")]
    base_url: String,
    git_host: Option<String>,
    #[serde(default)]
    repositories: Vec<String>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default = "usual_variables")]
    inject: Vec<String>,
    #[serde(default = "yes")]
    share_tokens: bool,
    #[serde(default = "yes")]
    probe: bool,
    #[serde(default = "yes")]
    check_at_boot: bool,
}

/// Everything that the plugin was told, checked. Made by [`Settings::from_config`] alone.
#[derive(Debug)]
pub struct Settings {
    /// Who the App is.
    pub issuer: Issuer,
    /// Its key.
    pub key: AppKey,
    /// INVARIANT: not empty. The first one is for whoever does not say.
    pub accounts: Vec<Account>,
    /// How the account of a workspace is chosen, if the workspace does not choose itself.
    pub choice: Option<Choice>,
    /// Where GitHub is.
    pub base_url: ApiUrl,
    /// GitHub, for messages.
    pub service: Service,
    /// The host for which a token may be asked.
    pub git_host: String,
    /// The variables that get the token.
    pub inject: Vec<String>,
    /// Whether workspaces get the same tokens, and not each its own.
    pub share_tokens: bool,
    /// Whether a fresh token is tried out before it is handed over.
    pub probe: bool,
    /// Whether GitHub is asked at boot if it knows the App.
    pub check_at_boot: bool,
}

impl Settings {
    /// Checks all of the config.
    ///
    /// # Errors
    /// A `config` fault with the JSON pointer of the first field that is wrong, what was expected and what was found.
    pub fn from_config(config: Config) -> Result<Self, Fault> {
        let base_url = ApiUrl::parse(&config.base_url)?;
        let several = config.installations.is_some();
        let accounts = account::Given {
            installation_id: config.installation_id,
            owner: config.owner,
            repository: config.repository,
            installations: config.installations,
            repositories: config.repositories,
            permissions: config.permissions,
        };
        let accounts = accounts.accounts()?;
        if config.choose.is_some() && !several {
            return Err(Fault::config(
                "/choose: expected it beside \"installations\" alone, found it beside one installation; leave it out",
            ));
        }
        let choice = config.choose.map(|given| given.checked(&accounts));
        if choice.is_some() && config.share_tokens {
            return Err(Fault::config(
                "/share_tokens: expected false beside \"choose\", found true or nothing; a token that workspaces share cannot depend on the workspace",
            ));
        }
        Ok(Self {
            issuer: issuer(config.app_id, config.client_id)?,
            key: AppKey::parse(&config.private_key)?,
            accounts,
            choice: choice.transpose()?,
            git_host: config
                .git_host
                .unwrap_or_else(|| base_url.git_host().to_owned()),
            service: Service::new("GitHub", base_url.to_string()).status_page(STATUS_PAGE),
            base_url,
            inject: variables(config.inject)?,
            share_tokens: config.share_tokens,
            probe: config.probe,
            check_at_boot: config.check_at_boot,
        })
    }

    /// Whether a token may be asked for this host; an empty audience stands for whatever the plugin is for.
    ///
    /// # Errors
    /// A `denied` fault for another host: it must never see a token of this one.
    pub fn check_audience(&self, audience: &str) -> Result<(), Fault> {
        if audience.is_empty() || audience.eq_ignore_ascii_case(&self.git_host) {
            return Ok(());
        }
        Err(Fault::denied(format!(
            "expected the git host {}, found {audience:?}; if both are the same GitHub, set \"git_host\"",
            self.git_host
        )))
    }

    /// The widest token for a workspace.
    ///
    /// # Errors
    /// A `denied` fault for a workspace that belongs to no account.
    pub fn widest(&self, asker: &Asker<'_>) -> Result<Wish, Fault> {
        let place = match &self.choice {
            Some(choice) => choice.account(asker)?,
            None => 0,
        };
        Ok(self.accounts[place].bounds.widest(place))
    }

    /// The token for these repositories (`owner/name`) and permissions (name and level), within what the asker may have. The
    /// platform itself may have a token of each account.
    ///
    /// # Errors
    /// A `denied` fault for anything malformed, beyond the bounds, or of another account.
    pub fn wish<'a>(
        &self,
        asker: &Asker<'_>,
        repositories: impl IntoIterator<Item = &'a str> + Clone,
        permissions: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Wish, Fault> {
        let owner = repositories.clone().into_iter().find_map(scope::owner);
        let place = match &self.choice {
            Some(choice) if !asker.workspace.is_empty() => choice.account(asker)?,
            _ => self.account_of(owner)?,
        };
        let account = &self.accounts[place];
        if let (Some(wished), Some(known)) = (owner, account.owner())
            && !wished.eq_ignore_ascii_case(known)
        {
            return Err(Fault::denied(format!(
                "expected repositories of {known}, found some of {wished}; {}",
                if self.choice.is_some() {
                    "\"choose\" gives this workspace no other account"
                } else {
                    "this plugin serves no other account"
                }
            )));
        }
        account.bounds.narrowed(place, repositories, permissions)
    }

    /// The place of an owner's account; the first for nobody's, and where there is but one: its owner may be known to GitHub
    /// alone.
    ///
    /// # Errors
    /// A `denied` fault for an owner who is none of several.
    fn account_of(&self, owner: Option<&str>) -> Result<usize, Fault> {
        let (Some(owner), [_, _, ..]) = (owner, &*self.accounts) else {
            return Ok(0);
        };
        let names = || self.accounts.iter().filter_map(Account::owner);
        let found = names().position(|known| known.eq_ignore_ascii_case(owner));
        found.ok_or_else(|| {
            Fault::denied(format!(
                "expected repositories of {}, found some of {owner}; add it to /installations to allow it",
                names().collect::<Vec<_>>().join(" or ")
            ))
        })
    }
}

fn cloud() -> String {
    base_url::CLOUD.to_owned()
}

fn usual_variables() -> Vec<String> {
    ["GITHUB_TOKEN", "GH_TOKEN"].map(str::to_owned).to_vec()
}

fn yes() -> bool {
    true
}

/// # Errors
/// Neither of the two, or a client id that is none.
fn issuer(app_id: Option<Id>, client_id: Option<String>) -> Result<Issuer, Fault> {
    match (client_id, app_id) {
        (Some(id), _) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
            if id.bytes().all(|byte| byte.is_ascii_digit()) || !id.bytes().all(plain) {
                return Err(Fault::config(format!(
                    "/client_id: expected the App's client id such as Iv23liExample, found {id:?}; a number goes under \"app_id\""
                )));
            }
            Ok(Issuer::ClientId(id))
        }
        (None, Some(Id(id))) => Ok(Issuer::AppId(id)),
        (None, None) => Err(Fault::config(
            "expected \"client_id\" or \"app_id\", found neither; both stand on the App's settings page on GitHub",
        )),
    }
}

/// # Errors
/// A name that cannot be a variable's.
fn variables(names: Vec<String>) -> Result<Vec<String>, Fault> {
    match names.iter().position(|name| !name::is_variable(name)) {
        None => Ok(names),
        Some(at) => Err(Fault::config(format!(
            "/inject/{at}: expected the name of an environment variable such as \"GITHUB_TOKEN\", found {:?}",
            names[at]
        ))),
    }
}

#[cfg(test)]
mod tests;
