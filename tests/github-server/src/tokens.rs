//! Installation tokens: their two forms, and the book of those that were issued.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use server_kit::alphanumeric;

use crate::installation::Permissions;

/// Which form new tokens take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenForm {
    /// `ghs_` and 36 letters and digits.
    #[default]
    Classic,
    /// `ghs_<app id>_<JSON web token>`, about 520 characters, with dots, underscores and hyphens.
    Stateless,
}

/// A token that the server gave out.
#[derive(Clone)]
pub struct IssuedToken {
    /// The token itself. `Debug` leaves it out.
    pub token: String,
    /// Whose token it is.
    pub installation_id: u64,
    /// When it was issued, by the server's clock.
    pub issued_at: Timestamp,
    /// When it ends, by the server's clock.
    pub expires_at: Timestamp,
    /// What it allows, by permission name.
    pub permissions: std::collections::BTreeMap<String, crate::Level>,
    /// The repositories that it was narrowed to; none when it reaches all of the installation's.
    pub repositories: Option<Vec<String>>,
    /// Whether it was revoked.
    pub revoked: bool,
    pub(crate) known_from: Timestamp,
    pub(crate) permitted_from: Timestamp,
}

impl IssuedToken {
    pub(crate) fn covers(&self, repository: &str) -> bool {
        self.repositories.as_ref().is_none_or(|names| {
            names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(repository))
        })
    }

    pub(crate) fn works_at(&self, now: Timestamp) -> bool {
        !self.revoked && self.known_from <= now && now < self.expires_at
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("installation_id", &self.installation_id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .field("permissions", &self.permissions)
            .field("repositories", &self.repositories)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

/// What goes into a new token.
pub(crate) struct Grant {
    pub(crate) installation_id: u64,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) known_from: Timestamp,
    pub(crate) permitted_from: Timestamp,
    pub(crate) permissions: Permissions,
    pub(crate) repositories: Option<Vec<String>>,
}

/// All tokens, in the order in which they were issued.
#[derive(Default)]
pub(crate) struct Tokens {
    issued: Mutex<Vec<IssuedToken>>,
}

impl Tokens {
    pub(crate) fn issue(
        &self,
        form: TokenForm,
        app_id: u64,
        grant: Grant,
    ) -> Result<IssuedToken, getrandom::Error> {
        let token = match form {
            TokenForm::Classic => format!("ghs_{}", alphanumeric(36)?),
            TokenForm::Stateless => stateless(app_id, &grant)?,
        };
        let issued = IssuedToken {
            token,
            installation_id: grant.installation_id,
            issued_at: grant.issued_at,
            expires_at: grant.expires_at,
            permissions: grant.permissions,
            repositories: grant.repositories,
            revoked: false,
            known_from: grant.known_from,
            permitted_from: grant.permitted_from,
        };
        self.locked().push(issued.clone());
        Ok(issued)
    }

    pub(crate) fn find(&self, token: &str) -> Option<IssuedToken> {
        self.locked()
            .iter()
            .find(|issued| issued.token == token)
            .cloned()
    }

    /// Whether there was such a token to revoke.
    pub(crate) fn revoke(&self, token: &str) -> bool {
        let mut tokens = self.locked();
        let found = tokens.iter_mut().find(|issued| issued.token == token);
        found.map(|issued| issued.revoked = true).is_some()
    }

    pub(crate) fn all(&self) -> Vec<IssuedToken> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<IssuedToken>> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// GitHub signs the JSON web token inside with a key of its own, and clients must take it for opaque: the signature here is noise of the right length.
fn stateless(app_id: u64, grant: &Grant) -> Result<String, getrandom::Error> {
    let header = r#"{"alg":"RS256","kid":"installation-token-1","typ":"JWT"}"#;
    let claims = format!(
        r#"{{"exp":{},"iat":{},"sub":{},"jti":"{}"}}"#,
        grant.expires_at.as_second(),
        grant.issued_at.as_second(),
        grant.installation_id,
        alphanumeric(16)?,
    );
    let mut signature = [0; 256];
    getrandom::fill(&mut signature)?;
    let parts = [
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims),
        URL_SAFE_NO_PAD.encode(signature),
    ];
    Ok(format!("ghs_{app_id}_{}", parts.join(".")))
}
