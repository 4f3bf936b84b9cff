//! Which installation of the App to use, and whose it is.

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{outside::Outside, shared::Fetched};
use serde::Deserialize;

use crate::{
    app::{Answer, App},
    config::{Account, Target},
    refusal::Asked,
    scope::Wish,
};

/// An installation. Its number changes when it is removed and installed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation {
    pub(super) id: u64,
    /// The account that it is on, if anybody asked.
    pub(super) owner: Option<String>,
}

#[derive(Deserialize)]
struct Shown {
    id: u64,
    account: Named,
    suspended_at: Option<String>,
    suspended_by: Option<Named>,
}

/// An account as far as it matters.
#[derive(Deserialize)]
struct Named {
    login: String,
}

impl<O: Outside> App<O> {
    /// The installation for `wish`, looked up only if it has to be.
    ///
    /// # Errors
    /// The look-up's, and `denied` for a wish for another account's repositories.
    pub(super) async fn installation(&self, wish: &Wish) -> Result<Installation, Fault> {
        let account = &self.settings.accounts[wish.account];
        if let (Target::Id(id), None) = (&account.target, &wish.owner) {
            return Ok(Installation {
                id: *id,
                owner: None,
            });
        }
        let fetch = async { Ok(Fetched::endless(self.look_up(account).await?)) };
        let installations = &self.installations;
        let installation = installations
            .get(&wish.account, &self.outside, fetch)
            .await?;
        installation.check_owner(account, wish)?;
        Ok(installation)
    }

    /// # Errors
    /// The App is not installed there, or GitHub does not answer.
    async fn look_up(&self, account: &Account) -> Result<Installation, Fault> {
        let asked = Asked::Installation(account);
        let answer = match &account.target {
            Target::Id(id) => self.get(&format!("/app/installations/{id}"), asked).await?,
            Target::Repository { owner, name } => {
                self.get(&format!("/repos/{owner}/{name}/installation"), asked)
                    .await?
            }
            Target::Owner(owner) => {
                match self
                    .get(&format!("/orgs/{owner}/installation"), asked)
                    .await?
                {
                    // A person's account is no organization.
                    Answer::NotFound(_) => {
                        self.get(&format!("/users/{owner}/installation"), asked)
                            .await?
                    }
                    answer @ (Answer::Success(_) | Answer::Suspended(_)) => answer,
                }
            }
        };
        let shown: Shown = self.settings.service.read(&answer.found()?)?;
        let owner = shown.account.login;
        tracing::debug!(installation = shown.id, owner, "found the installation");
        Ok(Installation {
            id: shown.id,
            owner: Some(owner),
        })
    }

    /// Looks up again after GitHub did not find an installation; none if it would be the same one.
    ///
    /// # Errors
    /// The look-up's, and `denied` for a wish for another account's repositories.
    pub(super) async fn reinstalled(
        &self,
        gone: &Installation,
        wish: &Wish,
    ) -> Result<Option<Installation>, Fault> {
        if let Target::Id(_) = self.settings.accounts[wish.account].target {
            return Ok(None);
        }
        self.installations.forget(&wish.account);
        let found = self.installation(wish).await?;
        Ok(Some(found).filter(|found| found.id != gone.id))
    }

    /// The fault for a suspended installation: who suspended it, and so who can end that. Nothing if GitHub does not tell.
    pub(super) async fn suspension(&self, id: u64, wish: &Wish) -> Option<Fault> {
        let asked = Asked::Token(&self.settings.accounts[wish.account], id, wish);
        let answer = self.get(&format!("/app/installations/{id}"), asked).await;
        let shown: Shown = self
            .settings
            .service
            .read(&answer.ok()?.found().ok()?)
            .ok()?;
        let (since, by) = (shown.suspended_at?, shown.suspended_by?.login);
        let owner = shown.account.login;
        Some(Fault::denied(format!(
            "installation {id} is suspended: {by} did it at {since}. If {by} acted for {owner}, an owner of {owner} ends it on GitHub \
             under Settings, Applications, Installed GitHub Apps; if for the App's owner, only they can, on the App's page under Advanced"
        )))
    }
}

impl Installation {
    /// # Errors
    /// A `denied` fault for a wish for another account's repositories.
    fn check_owner(&self, account: &Account, wish: &Wish) -> Result<(), Fault> {
        // Where the config names the owner, the wish was compared with that: GitHub may call a renamed account otherwise.
        match (&wish.owner, &self.owner, account.owner()) {
            (Some(wished), Some(owner), None) if !wished.eq_ignore_ascii_case(owner) => {
                Err(Fault::denied(format!(
                    "expected repositories of {owner}, where installation {} is, found some of {wished}; \
                     this plugin serves no other account",
                    self.id
                )))
            }
            _ => Ok(()),
        }
    }
}
