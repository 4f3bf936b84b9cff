//! Tokens that are made for workspaces or projects, with the configured one.
//!
//! A service account gets a token for each workspace, which is revoked when the workspace ends. A project gets one for all
//! workspaces that work on it: each is a user of its own in GitLab, so there should be few.
//!
//! An intent is written down before a token is asked for. If its answer is lost, what was made is found by its name and revoked.

mod held;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::{
    memory::World,
    shared::{self, Fetched, Shared},
};
use zeroize::Zeroizing;

use self::held::Held;
use crate::{
    client::{Client, Made, wish},
    config::{At, Create},
    day::{days_from, midnight},
    keeper::Keeper,
    patience::Patience,
};

/// With less life left than this, another token is made.
const LEAST_LEFT: SignedDuration = SignedDuration::from_hours(6);

/// A token that was made longer ago is looked at before it is handed out to somebody who asks for one.
const MADE_LATELY: SignedDuration = SignedDuration::from_secs(60);

/// A token that ends soon is no reason to leave a workspace without one.
const RULES: shared::Rules = shared::Rules {
    fresh_for: Duration::from_secs(300),
    useful_for: Duration::from_secs(3600),
    least_left: Duration::from_secs(300),
    most_keys: 10_000,
};

/// Makes tokens. Its methods may be called from any thread.
pub struct Maker<W> {
    client: Arc<Client<W>>,
    create: Create,
    shared: Shared<String, Given>,
}

/// A token that was made.
#[derive(Clone)]
pub struct Given {
    /// The token.
    pub token: Zeroizing<String>,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
    /// When it was made, as far as this process knows.
    made_at: Option<Timestamp>,
}

impl<W: World> Maker<W> {
    /// Asks nobody.
    pub fn new(client: Arc<Client<W>>, create: Create) -> Self {
        Self {
            client,
            create,
            shared: Shared::new(RULES),
        }
    }

    /// Whose token is asked for: a workspace's, or a project's.
    ///
    /// # Errors
    /// A `denied` fault for a project that the config does not list, or none where it is not clear which.
    pub fn subject<'a>(
        &self,
        workspace: &str,
        label: Option<&'a str>,
        repositories: impl IntoIterator<Item = &'a str>,
    ) -> Result<String, Fault> {
        let At::Projects {
            projects,
            label: key,
            ..
        } = &self.create.at
        else {
            return Ok(workspace.to_owned());
        };
        let mut wanted = repositories.into_iter().chain(label);
        let Some(first) = wanted.next() else {
            return match projects.as_slice() {
                [only] => Ok(only.clone()),
                _ => Err(Fault::denied(format!(
                    "expected a workspace that says which project it works on, found none; give it the label {key:?}, or have it name a repository"
                ))),
            };
        };
        if wanted.any(|other| !other.eq_ignore_ascii_case(first)) {
            return Err(Fault::denied(
                "expected one project for a token, found several; ask for a token for each",
            ));
        }
        let known = projects
            .iter()
            .find(|project| project.eq_ignore_ascii_case(first));
        known.cloned().ok_or_else(|| {
            Fault::denied(format!("expected one of the projects in the plugin's config, found {first:?}; add it to \"projects\" to allow it"))
        })
    }

    /// The label that names a workspace's project; none if workspaces have tokens of their own.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        match &self.create.at {
            At::Projects { label, .. } => Some(label),
            At::ServiceAccount(_) => None,
        }
    }

    /// The token of a workspace or project, made if there is none that lives for long enough.
    ///
    /// # Errors
    /// GitLab does not make it, or it cannot be written down.
    pub async fn token(
        &self,
        keeper: &Keeper<W>,
        subject: &str,
        patience: Patience,
    ) -> Result<Given, Fault> {
        let fetch = self.fetched(keeper, subject, patience);
        self.shared
            .get(&subject.to_owned(), self.client.world(), fetch)
            .await
    }

    /// The same, for who has one that is old, or that was refused somewhere: one that does not work any more is not handed out again.
    ///
    /// # Errors
    /// As for [`token`](Self::token).
    pub async fn requested(
        &self,
        keeper: &Keeper<W>,
        subject: &str,
        patience: Patience,
    ) -> Result<Given, Fault> {
        let given = self.token(keeper, subject, patience).await?;
        let now = self.client.world().now();
        let age = given.made_at.map(|made| now.duration_since(made));
        if age.is_some_and(|age| age < MADE_LATELY) {
            return Ok(given);
        }
        match self.client.look(&given.token).await {
            Err(failed) if failed.is_unauthorized() => {}
            _ => return Ok(given),
        }
        tracing::info!(
            subject,
            "a token that was made works no more; making another"
        );
        self.shared.forget(&subject.to_owned());
        let world = self.client.world();
        if let Some(mut held) = Held::read(world, subject).await? {
            held.forget_values();
            held.write(world, subject).await?;
        }
        self.token(keeper, subject, patience).await
    }

    /// Revokes what was made for a workspace.
    ///
    /// # Errors
    /// GitLab does not do it, or does not say.
    pub async fn ended(
        &self,
        keeper: &Keeper<W>,
        workspace: &str,
        patience: Patience,
    ) -> Result<(), Fault> {
        if !matches!(self.create.at, At::ServiceAccount(_)) {
            return Ok(());
        }
        self.shared.forget(&workspace.to_owned());
        let world = self.client.world();
        let Some(held) = Held::read(world, workspace).await? else {
            return Ok(());
        };
        let master = keeper.current(patience).await?.token;
        let path = self.create.at.path_of(workspace);
        for id in held.ids() {
            self.client.revoke(&path, &master, id).await?;
        }
        if held.is_under_way() {
            self.revoke_strays(&path, &master, workspace).await?;
        }
        Held::remove(world, workspace).await
    }

    /// # Errors
    /// GitLab does not make it, or it cannot be written down.
    async fn fetched(
        &self,
        keeper: &Keeper<W>,
        subject: &str,
        patience: Patience,
    ) -> Result<Fetched<Given>, Fault> {
        let world = self.client.world();
        let mut held = Held::read(world, subject).await?.unwrap_or_default();
        if let Some(given) = held.given(LEAST_LEFT, world.now()) {
            return Ok(kept(given));
        }
        let Some(timeout) = patience.to_try() else {
            return Err(Fault::internal("a dry run was to make a token"));
        };
        let master = keeper.current(patience).await?.token;
        let path = self.create.at.path_of(subject);
        if held.is_under_way() {
            self.revoke_strays(&path, &master, subject).await?;
        }
        held.begin();
        held.write(world, subject).await?;
        match self.make(&path, &master, subject, timeout).await {
            Ok(made) => {
                let given = held.adopt(made, world.now());
                held.write(world, subject).await?;
                Ok(kept(given))
            }
            Err(failed) => {
                if failed.is_certain {
                    held.give_up();
                    held.write(world, subject).await?;
                }
                Err(failed.fault)
            }
        }
    }

    /// # Errors
    /// No good answer.
    async fn make(
        &self,
        path: &str,
        master: &str,
        subject: &str,
        timeout: Duration,
    ) -> Result<Made, crate::client::Failed> {
        let until = days_from(self.client.world().now(), self.create.lifetime_days + 1);
        let level = match &self.create.at {
            At::ServiceAccount(_) => None,
            At::Projects { access_level, .. } => Some(*access_level),
        };
        let wish = wish(&self.name(subject), &self.create.scopes, until, level);
        let made = self.client.make(path, master, wish, timeout).await?;
        tracing::info!(token = made.id, subject, "a token was made");
        Ok(made)
    }

    /// Revokes the tokens of this name that nobody has: the answer that brought them was lost.
    ///
    /// # Errors
    /// GitLab does not do it, or does not say.
    async fn revoke_strays(&self, path: &str, master: &str, subject: &str) -> Result<(), Fault> {
        let known = Held::read(self.client.world(), subject)
            .await?
            .unwrap_or_default();
        for stray in self.client.named(path, master, &self.name(subject)).await? {
            if !known.ids().any(|id| id == stray.id) {
                tracing::info!(
                    token = stray.id,
                    subject,
                    "revoking a token whose answer was lost"
                );
                self.client.revoke(path, master, stray.id).await?;
            }
        }
        Ok(())
    }

    fn name(&self, subject: &str) -> String {
        format!("{} {subject}", self.create.name)
    }
}

/// Looked at again when it is time to make another.
fn kept(given: Given) -> Fetched<Given> {
    let ends_at = given.ends_at;
    match ends_at {
        Some(end) => {
            Fetched::until(given, end).refresh_at(end.saturating_sub(LEAST_LEFT).unwrap_or(end))
        }
        None => Fetched::endless(given),
    }
}

impl Given {
    fn of(made: &Made, now: Timestamp) -> Self {
        Self {
            token: made.token.clone(),
            ends_at: made.expires_at.map(midnight),
            made_at: Some(now),
        }
    }
}
