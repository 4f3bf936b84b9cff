//! Which installation of the App to use, and whose it is.

use std::sync::PoisonError;

use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::outside::Outside;
use serde::Deserialize;

use crate::{
    app::{Answer, App},
    config::Target,
    refusal::Asked,
    scope::Wish,
};

/// An installation. Its number changes when it is removed and installed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation {
    pub(super) id: u64,
    /// The account that it is on, if anybody asked.
    owner: Option<String>,
    /// It comes from an earlier look-up, so it may be gone by now.
    pub(super) remembered: bool,
}

#[derive(Deserialize)]
struct Shown {
    id: u64,
    account: Account,
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

impl<O: Outside> App<O> {
    /// The installation for `wish`, looked up only if it has to be.
    ///
    /// # Errors
    /// The look-up's, and `denied` for a wish for another account's repositories.
    pub(super) async fn installation(&self, wish: &Wish) -> Result<Installation, Fault> {
        if let (Target::Id(id), None) = (&self.settings().target, &wish.owner) {
            return Ok(Installation {
                id: *id,
                owner: None,
                remembered: false,
            });
        }
        let remembered = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let installation = match remembered {
            Some(installation) => Installation {
                remembered: true,
                ..installation
            },
            None => self.look_up().await?,
        };
        installation.check_owner(wish)?;
        Ok(installation)
    }

    /// Asks GitHub, and remembers the answer.
    ///
    /// # Errors
    /// The App is not installed there, or GitHub does not answer.
    pub(super) async fn look_up(&self) -> Result<Installation, Fault> {
        let response = match &self.settings().target {
            Target::Id(id) => {
                self.get(&format!("/app/installations/{id}"), Asked::Installation)
                    .await?
            }
            Target::Repository { owner, name } => {
                self.get(
                    &format!("/repos/{owner}/{name}/installation"),
                    Asked::Installation,
                )
                .await?
            }
            Target::Owner(owner) => match self
                .get(&format!("/orgs/{owner}/installation"), Asked::Installation)
                .await?
            {
                found @ Answer::Success(_) => found,
                // A person's account is no organization.
                Answer::NotFound(_) => {
                    self.get(&format!("/users/{owner}/installation"), Asked::Installation)
                        .await?
                }
            },
        };
        let shown: Shown = self.settings.service.read(&response.found()?)?;
        tracing::debug!(
            installation = shown.id,
            owner = shown.account.login,
            "found the installation"
        );
        let installation = Installation {
            id: shown.id,
            owner: Some(shown.account.login),
            remembered: false,
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(installation.clone());
        Ok(installation)
    }

    /// Looks up again after GitHub did not find a remembered installation; none if it would be the same one.
    ///
    /// # Errors
    /// The look-up's, and `denied` for a wish for another account's repositories.
    pub(super) async fn reinstalled(
        &self,
        gone: &Installation,
        wish: &Wish,
    ) -> Result<Option<Installation>, Fault> {
        if !gone.remembered || matches!(self.settings().target, Target::Id(_)) {
            return Ok(None);
        }
        let found = self.look_up().await?;
        found.check_owner(wish)?;
        Ok(Some(found).filter(|found| found.id != gone.id))
    }
}

impl Installation {
    /// # Errors
    /// A `denied` fault for a wish for another account's repositories.
    fn check_owner(&self, wish: &Wish) -> Result<(), Fault> {
        match (&wish.owner, &self.owner) {
            (Some(wished), Some(owner)) if !wished.eq_ignore_ascii_case(owner) => {
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
