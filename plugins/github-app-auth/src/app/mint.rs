//! Minting: an installation token for a wish.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{outside::Outside, shared::Fetched};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    app::{Answer, App},
    refusal::Asked,
    scope::{Permissions, Wish},
};

/// A token as GitHub gave it out. Opaque: about 40 or about 520 characters today. `Debug` leaves it out.
#[derive(Clone)]
pub struct Minted {
    /// The token itself.
    pub token: Zeroizing<String>,
    /// When it ends, by the host's clock, even where GitHub's is another.
    pub expires_at: Timestamp,
}

/// For whom a token is, and how long they wait for it. By default it is for all, and there is no hurry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Errand<'a> {
    /// The workspace to which the token belongs alone; empty for one that is shared.
    pub workspace: &'a str,
    /// How long the caller waits; none for as long as it takes.
    pub patience: Option<Duration>,
}

impl Minted {
    /// How much longer it works.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> SignedDuration {
        self.expires_at.duration_since(now)
    }

    fn fetched(self) -> Fetched<Self> {
        let expires_at = self.expires_at;
        Fetched::until(self, expires_at)
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// GitHub takes an empty list for no wish; leaving it out says so.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    repositories: &'a [String],
    #[serde(skip_serializing_if = "Permissions::is_empty")]
    permissions: &'a Permissions,
}

#[derive(Deserialize)]
struct Shown {
    token: Zeroizing<String>,
    expires_at: Timestamp,
}

impl<O: Outside> App<O> {
    /// The token for environments, which those that start at about the same time share: with at least half of its life left;
    /// or, while GitHub fails, one that is still useful. A workspace with tokens of its own shares it with nobody.
    ///
    /// # Errors
    /// See [`mint`](Self::mint).
    pub async fn injected(&self, wish: &Wish, errand: Errand<'_>) -> Result<Minted, Fault> {
        let key = (errand.workspace.to_owned(), wish.clone());
        let fetch = async { Ok(self.mint(wish, errand).await?.fetched()) };
        self.injected.get(&key, &self.outside, fetch).await
    }

    /// A token that was asked for, and not taken from those that environments share: the host asks when its own token is
    /// old, or was refused somewhere. Environments that start later share this one, if it is as wide as theirs.
    ///
    /// # Errors
    /// See [`mint`](Self::mint).
    pub async fn requested(&self, wish: &Wish, errand: Errand<'_>) -> Result<Minted, Fault> {
        let minted = self.mint(wish, errand).await?;
        if wish.is_widest() {
            let key = (errand.workspace.to_owned(), wish.clone());
            self.injected
                .keep(&key, minted.clone().fetched(), self.now());
        }
        Ok(minted)
    }

    /// A new token. Nothing is cached here but the installation's number.
    ///
    /// # Errors
    /// `config`, `denied` or `transient`, with what to do about it; `transient` with the wait that GitHub asked for.
    pub async fn mint(&self, wish: &Wish, errand: Errand<'_>) -> Result<Minted, Fault> {
        let mut installation = self.installation(wish).await?;
        let mut answer = self.ask_for_token(installation.id, wish).await?;
        if matches!(answer, Answer::NotFound(_))
            && let Some(other) = self.reinstalled(&installation, wish).await?
        {
            tracing::info!(
                gone = installation.id,
                installation = other.id,
                "the App was installed again"
            );
            installation = other;
            answer = self.ask_for_token(installation.id, wish).await?;
        }
        if let Answer::Suspended(fault) = answer {
            let told = self.suspension(installation.id, wish).await;
            return Err(told.unwrap_or(fault));
        }
        let shown: Shown = self.settings.service.read(&answer.found()?)?;
        let minted = self.checked(shown)?;
        if !errand.workspace.is_empty() {
            // Before anything else can fail: what is not on record is not revoked.
            self.owned.note(errand.workspace, &minted, self.now());
        }
        tracing::info!(
            installation = installation.id,
            repositories = wish.repositories.len(),
            expires_at = %minted.expires_at,
            "minted an installation token"
        );
        self.prove(&minted, &installation, wish, errand).await;
        Ok(minted)
    }

    /// # Errors
    /// See [`App::exchange`].
    async fn ask_for_token(&self, id: u64, wish: &Wish) -> Result<Answer, Fault> {
        let body = Body {
            repositories: &wish.repositories,
            permissions: &wish.permissions,
        };
        let body = serde_json::to_vec(&body)
            .map_err(|error| Fault::internal(format!("the wish has no JSON form: {error}")))?;
        let path = format!("/app/installations/{id}/access_tokens");
        self.exchange(
            "POST",
            &path,
            Some(&body),
            Asked::Token(&self.settings.accounts[wish.account], id, wish),
        )
        .await
    }

    /// # Errors
    /// A `transient` fault for a token that is none.
    fn checked(&self, shown: Shown) -> Result<Minted, Fault> {
        let now = self.now();
        let expires_at = self.skew.to_host(shown.expires_at);
        let found = if shown.token.is_empty() {
            "an empty one".to_owned()
        } else if shown
            .token
            .contains(|c: char| c.is_control() || c.is_whitespace())
        {
            "one with white space or control characters in it".to_owned()
        } else if expires_at <= now {
            format!("one that expired at {expires_at}")
        } else {
            return Ok(Minted {
                token: shown.token,
                expires_at,
            });
        };
        Err(Fault::transient(format!(
            "expected a token from GitHub at {}, found {found}; it will be asked again",
            self.settings().base_url
        )))
    }
}
