//! The handle of a running server.

use std::sync::Arc;

use server_kit::{Core, Running};

use crate::builder::Builder;
use crate::gitlab::Gitlab;
use crate::people::PlaceKind;
use crate::routes::add_bot;
use crate::tokens::{Grant, TokenRecord};

/// A running server. Its methods may be called from any thread. Dropping it closes the port.
pub struct GitlabServer {
    gitlab: Arc<Gitlab>,
    running: Running,
}

impl GitlabServer {
    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(gitlab: Arc<Gitlab>, running: Running) -> Self {
        Self { gitlab, running }
    }

    /// What a client takes for `https://gitlab.com`: no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.core().base_url().to_owned()
    }

    /// Its clock, its faults and its record.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.gitlab.core
    }

    /// A person's or service account's token, made on the web. `None` for an unknown user, or an end that is no date or too far ahead.
    #[must_use]
    pub fn try_token(
        &self,
        user: &str,
        scopes: &[&str],
        expires_at: Option<&str>,
        oauth: bool,
    ) -> Option<String> {
        let now = self.gitlab.now();
        let mut world = self.gitlab.world();
        let grant = Grant {
            name: format!("{user}'s"),
            user_id: world.people.user_mut(user)?.id,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            expires_at: expires_at.map(str::parse).transpose().ok()?,
            previous: None,
            oauth,
        };
        Some(world.tokens.add(grant, now).ok()?.value)
    }

    /// The same as a person would make it, or nothing that works.
    #[must_use]
    pub fn personal_token(&self, user: &str, scopes: &[&str], expires_at: Option<&str>) -> String {
        self.try_token(user, scopes, expires_at, false)
            .unwrap_or_default()
    }

    /// A project's token, made on the web, with a bot of this role behind it; or nothing that works.
    #[must_use]
    pub fn project_token(
        &self,
        project: &str,
        role: u64,
        scopes: &[&str],
        expires_at: Option<&str>,
    ) -> String {
        self.bot_token(PlaceKind::Project, project, role, scopes, expires_at)
    }

    /// The same for a group.
    #[must_use]
    pub fn group_token(
        &self,
        group: &str,
        role: u64,
        scopes: &[&str],
        expires_at: Option<&str>,
    ) -> String {
        self.bot_token(PlaceKind::Group, group, role, scopes, expires_at)
    }

    fn bot_token(
        &self,
        kind: PlaceKind,
        name: &str,
        role: u64,
        scopes: &[&str],
        expires_at: Option<&str>,
    ) -> String {
        let bot = {
            let mut world = self.gitlab.world();
            let place = world.people.place(kind, name).map(|place| place.id);
            place.and_then(|id| add_bot(&mut world.people, kind, id, role).ok())
        };
        self.personal_token(
            &bot.map(|bot| bot.username).unwrap_or_default(),
            scopes,
            expires_at,
        )
    }

    /// All tokens that there ever were, in the order in which they were made.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenRecord> {
        self.gitlab.world().tokens.all.clone()
    }

    /// Whether a token is neither revoked nor at its end.
    #[must_use]
    pub fn works(&self, token: &str) -> bool {
        let now = self.gitlab.now();
        let mut world = self.gitlab.world();
        world
            .tokens
            .by_value(token)
            .is_some_and(|token| token.is_active(now))
    }

    /// Revokes a token, as on the web; false if there is none.
    #[must_use = "false means that there was nothing to revoke"]
    pub fn revoke(&self, token: &str) -> bool {
        let mut world = self.gitlab.world();
        let found = world.tokens.by_value(token);
        found.map(|token| token.revoked = true).is_some()
    }

    /// Blocks a user, or ends that; false if there is none.
    #[must_use = "false means that there is no such user"]
    pub fn set_blocked(&self, user: &str, blocked: bool) -> bool {
        let mut world = self.gitlab.world();
        let found = world.people.user_mut(user);
        found.map(|user| user.blocked = blocked).is_some()
    }

    /// The number of a user.
    #[must_use]
    pub fn user_id(&self, user: &str) -> Option<u64> {
        self.gitlab
            .world()
            .people
            .user_mut(user)
            .map(|user| user.id)
    }

    /// How many users there are, bots included.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.gitlab.world().people.users.len()
    }

    /// Closes the port, lets open answers end, and returns when that is done.
    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// For a server that runs alone.
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }
}
