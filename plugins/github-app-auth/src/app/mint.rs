//! Minting: an installation token for a wish.

use std::fmt;

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

impl Minted {
    /// How much longer it works.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> SignedDuration {
        self.expires_at.duration_since(now)
    }
}

impl Minted {
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
    /// The widest token, which environments share: with at least half of its life left; or, while GitHub fails, one that
    /// is still useful.
    ///
    /// # Errors
    /// See [`mint`](Self::mint).
    pub async fn injected(&self) -> Result<Minted, Fault> {
        let wish = self.settings.bounds.widest();
        let fetch = async { Ok(self.mint(&wish).await?.fetched()) };
        self.injected.get(&wish, &self.outside, fetch).await
    }

    /// A token that was asked for, and not taken from those that environments share: the host asks when its own token is
    /// old, or was refused somewhere. Environments that start later share this one, if it is as wide as theirs.
    ///
    /// # Errors
    /// See [`mint`](Self::mint).
    pub async fn requested(&self, wish: &Wish) -> Result<Minted, Fault> {
        let minted = self.mint(wish).await?;
        if wish.is_widest() {
            self.injected
                .keep(wish, minted.clone().fetched(), self.now());
        }
        Ok(minted)
    }

    /// A new token. Nothing is cached here but the installation's number.
    ///
    /// # Errors
    /// `config`, `denied` or `transient`, with what to do about it; `transient` with the wait that GitHub asked for.
    pub async fn mint(&self, wish: &Wish) -> Result<Minted, Fault> {
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
        let shown: Shown = self.settings.service.read(&answer.found()?)?;
        let minted = self.checked(shown)?;
        tracing::info!(
            installation = installation.id,
            repositories = wish.repositories.len(),
            expires_at = %minted.expires_at,
            "minted an installation token"
        );
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
        self.exchange("POST", &path, Some(&body), Asked::Token(id, wish))
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
