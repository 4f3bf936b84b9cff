//! Minting: an installation token for a wish.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::Fault;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    app::{Answer, App, read},
    outside::Outside,
    refusal::Asked,
    scope::{Permissions, Wish},
};

/// A token as GitHub gave it out. Opaque: about 40 or about 520 characters today. `Debug` leaves it out.
#[derive(Clone)]
pub struct Minted {
    /// The token itself.
    pub token: Zeroizing<String>,
    /// When it was minted, by the host's clock.
    pub minted_at: Timestamp,
    /// When it ends, by the host's clock, even where GitHub's is another.
    pub expires_at: Timestamp,
}

impl Minted {
    /// Whether at least half of its life is left.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let life = self.expires_at.duration_since(self.minted_at);
        self.minted_at <= now && self.left(now) * 2 >= life
    }

    /// How much longer it works.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> SignedDuration {
        self.expires_at.duration_since(now)
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted")
            .field("minted_at", &self.minted_at)
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
        let shown: Shown = read(&answer.found()?, self.settings())?;
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
        let minted_at = self.now();
        let expires_at = self.skew.to_host(shown.expires_at);
        let found = if shown.token.is_empty() {
            "an empty one".to_owned()
        } else if shown
            .token
            .contains(|c: char| c.is_control() || c.is_whitespace())
        {
            "one with white space or control characters in it".to_owned()
        } else if expires_at <= minted_at {
            format!("one that expired at {expires_at}")
        } else {
            return Ok(Minted {
                token: shown.token,
                minted_at,
                expires_at,
            });
        };
        Err(Fault::transient(format!(
            "expected a token from GitHub at {}, found {found}; it will be asked again",
            self.settings().base_url
        )))
    }
}
