//! Everything that the server knows, shared by its routes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use jiff::Timestamp;
use server_kit::{Core, Faults};

use crate::fault::Fault;
use crate::installation::Installation;
use crate::jwt::{self, App};
use crate::quota::Hour;
use crate::refusal::Refusal;
use crate::tokens::{IssuedToken, TokenForm, Tokens};

pub(crate) struct Github {
    pub(crate) app: App,
    pub(crate) core: Arc<Core>,
    /// GitHub's own, which tell what is left of the quota as every answer does.
    pub(crate) faults: Faults<Fault>,
    pub(crate) hour: Hour,
    pub(crate) tokens: Tokens,
    pub(crate) token_form: TokenForm,
    pub(crate) token_lifetime: Duration,
    pub(crate) replication_lag: Duration,
    pub(crate) installations: Mutex<Vec<Installation>>,
}

impl Github {
    /// Refuses a request that is not the App's own.
    pub(crate) fn authenticate_app(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        jwt::authenticate(&self.app, headers, self.core.clock.now().as_second())
    }

    /// The token that a request comes with, and the installation that it stands for.
    pub(crate) fn authenticate_installation(
        &self,
        headers: &HeaderMap,
    ) -> Result<(IssuedToken, Installation), Refusal> {
        let header = headers
            .get(AUTHORIZATION)
            .ok_or_else(|| Refusal::unauthorized("Requires authentication"))?;
        let token = header
            .to_str()
            .ok()
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| {
                scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token")
            })
            .and_then(|(_, token)| self.tokens.find(token))
            .filter(|token| token.works_at(self.core.clock.now()))
            .ok_or_else(Refusal::bad_credentials)?;
        let installation = self
            .installation(|installation| installation.id == token.installation_id)
            .ok_or_else(Refusal::bad_credentials)?;
        if installation.suspension.is_some() {
            return Err(Refusal::suspended());
        }
        Ok((token, installation))
    }

    /// Like [`authenticate_installation`](Self::authenticate_installation), for what needs a permission of the token. Every token has
    /// `metadata: read`, once that is known.
    pub(crate) fn authorize_installation(
        &self,
        headers: &HeaderMap,
    ) -> Result<(IssuedToken, Installation), Refusal> {
        let (token, installation) = self.authenticate_installation(headers)?;
        if self.core.clock.now() < token.permitted_from {
            return Err(Refusal::not_permitted());
        }
        Ok((token, installation))
    }

    pub(crate) fn installation(
        &self,
        wanted: impl Fn(&Installation) -> bool,
    ) -> Option<Installation> {
        self.installations()
            .iter()
            .find(|installation| wanted(installation))
            .cloned()
    }

    pub(crate) fn installations(&self) -> MutexGuard<'_, Vec<Installation>> {
        self.installations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is such an installation; if so, it is changed.
    pub(crate) fn change(
        &self,
        id: u64,
        change: impl FnOnce(&mut Installation, Timestamp),
    ) -> bool {
        let now = self.core.clock.now();
        let mut installations = self.installations();
        let found = installations.iter_mut().find(|known| known.id == id);
        found.map(|known| change(known, now)).is_some()
    }
}
