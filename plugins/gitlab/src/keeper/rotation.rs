//! The rotation itself, and what is done about one that nobody knows the end of.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};
use provisionhook_provider_kit::memory::World;
use zeroize::Zeroizing;

use super::{Book, Keeper, later, refused};
use crate::{
    client::{Failed, Made, Shown},
    config::{PERSONAL, door_of},
    day::days_from,
    patience::Patience,
    record::{Intent, Record},
};

/// After so long a request cannot be under way at GitLab any more. Its own limit is a minute, and proxies add to it.
const SETTLED: SignedDuration = SignedDuration::from_mins(15);
/// When to try again after something that passes.
const SOON: SignedDuration = SignedDuration::from_mins(10);
/// When to try again what only an operator can mend.
const TOMORROW: SignedDuration = SignedDuration::from_hours(24);
/// A look that is older than this does not prove that the token lives.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(10);

impl<W: World> Keeper<W> {
    /// What became of a rotation that was begun? Only the old token is asked, and only whether it lives.
    ///
    /// # Errors
    /// It is dead, so the new one is lost; or GitLab does not say.
    pub(super) async fn settle(&self, book: &mut Book) -> Result<(), Fault> {
        let Some((intent, token)) = begun(book) else {
            return Ok(());
        };
        book.looked = None;
        let shown = match self.client.look(&token).await {
            Ok(shown) => shown,
            Err(failed) if failed.is_unauthorized() => return Err(lost(intent)),
            Err(failed) => return Err(failed.fault),
        };
        let now = self.client.world().now();
        book.looked = Some(self.looked(shown, now));
        let settled = later(intent.begun_at, SETTLED);
        // A clock that was set back says nothing.
        if now < settled && intent.begun_at <= now {
            book.postponed_until = Some(settled);
            return Ok(());
        }
        tracing::info!("a rotation that was begun did not happen; the token still works");
        self.forget_intent(book).await
    }

    /// # Errors
    /// The token is dead or lost. Whatever else keeps it from being rotated is logged, and the token used as it is.
    pub(super) async fn rotate_if_due(
        &self,
        book: &mut Book,
        patience: Patience,
    ) -> Result<(), Fault> {
        let now = self.client.world().now();
        if self.rotation_at(book).is_none_or(|at| now < at) {
            return Ok(());
        }
        let Some(timeout) = patience.to_change() else {
            if !patience.is_dry() {
                postpone(book, now, SOON);
            }
            return Ok(());
        };
        let Some(path) = self.prepared(book).await? else {
            return Ok(());
        };
        self.rotate(book, &path, timeout).await
    }

    /// Makes sure that the token lives and may be rotated. The path of the request, or none if there is to be none now.
    ///
    /// # Errors
    /// The token is dead.
    async fn prepared(&self, book: &mut Book) -> Result<Option<String>, Fault> {
        let now = self.client.world().now();
        if book
            .looked
            .as_ref()
            .is_none_or(|looked| now.duration_since(looked.at) > JUST_NOW)
        {
            self.look_now(book).await?;
        }
        let (Some(looked), Some(record)) = (&book.looked, &book.record) else {
            return Ok(None);
        };
        if now.duration_since(looked.at) > JUST_NOW {
            // The look failed: nothing proves that the token lives.
            postpone(book, now, SOON);
            return Ok(None);
        }
        let scopes = &looked.shown.scopes;
        if !scopes
            .iter()
            .any(|scope| scope == "api" || scope == "self_rotate")
        {
            tracing::warn!(
                token = looked.shown.id,
                "expected the scope api or self_rotate, found neither; the token cannot be rotated and will end: make one with the scope"
            );
            postpone(book, now, TOMORROW);
            return Ok(None);
        }
        match self.path(&record.token).await {
            Ok(path) => Ok(Some(path)),
            Err(failed) => {
                self.note_failure(book, &failed);
                Ok(None)
            }
        }
    }

    /// # Errors
    /// GitLab does not say what kind of token it is.
    async fn path(&self, token: &str) -> Result<String, Failed> {
        if let Some(door) = &self.client.settings().door {
            return Ok(door.clone());
        }
        match self.client.user(token).await {
            Ok(user) => Ok(door_of(&user)),
            // A token that may not even ask whose it is. Tokens of every kind may use this door.
            Err(failed) if failed.status == Some(403) => Ok(PERSONAL.to_owned()),
            Err(failed) => Err(failed),
        }
    }

    /// # Errors
    /// The token is dead or lost.
    async fn rotate(&self, book: &mut Book, path: &str, timeout: Duration) -> Result<(), Fault> {
        let lifetime = self
            .client
            .settings()
            .rotate
            .unwrap_or_default()
            .lifetime_days;
        let begun_at = self.client.world().now();
        let until = days_from(begun_at, lifetime);
        let Some(record) = &mut book.record else {
            return Ok(());
        };
        record.intent = Some(Intent { begun_at, until });
        if let Err(fault) = record.write(self.client.world()).await {
            record.intent = None;
            tracing::warn!(%fault, "a rotation cannot be written down, so it is not begun");
            postpone(book, begun_at, SOON);
            return Ok(());
        }
        let token = record.token.clone();
        match self.client.rotate(path, &token, until, timeout).await {
            Ok(made) => {
                self.adopt(book, made);
                self.save(book).await
            }
            Err(failed) if failed.is_certain => self.not_rotated(book, failed).await,
            Err(failed) => {
                tracing::warn!(fault = %failed.fault, "the answer to a rotation was lost; asking whether the old token lives");
                self.settle(book).await
            }
        }
    }

    /// INVARIANT: waits for nothing, so that a call that is given up on cannot lose the token.
    fn adopt(&self, book: &mut Book, made: Made) {
        let now = self.client.world().now();
        let shown = Shown {
            id: made.id,
            name: String::new(),
            scopes: book
                .looked
                .take()
                .map(|looked| looked.shown.scopes)
                .unwrap_or_default(),
            expires_at: made.expires_at,
            active: true,
        };
        tracing::info!(token = made.id, until = ?made.expires_at, "the token was rotated");
        book.looked = Some(self.looked(shown, now));
        book.postponed_until = None;
        if let Some(record) = &mut book.record {
            record.token = made.token;
            record.rotated_at = Some(now);
            record.intent = None;
        }
        book.unsaved = true;
    }

    /// GitLab said no: nothing has changed.
    ///
    /// # Errors
    /// The token is dead.
    async fn not_rotated(&self, book: &mut Book, failed: Failed) -> Result<(), Fault> {
        self.note_failure(book, &failed);
        self.forget_intent(book).await?;
        match &book.record {
            Some(record) if failed.is_unauthorized() => Err(refused(record, failed.fault)),
            _ => Ok(()),
        }
    }

    fn note_failure(&self, book: &mut Book, failed: &Failed) {
        let told = failed
            .fault
            .retry_delay()
            .and_then(|delay| SignedDuration::try_from(delay).ok());
        let wait = match failed.fault.kind() {
            FaultKind::TRANSIENT => told.unwrap_or(SOON).max(SOON),
            _ => TOMORROW,
        };
        tracing::warn!(fault = %failed.fault, "the token was not rotated; it is used as long as it works");
        postpone(book, self.client.world().now(), wait);
    }

    /// # Errors
    /// It cannot be written down.
    async fn forget_intent(&self, book: &mut Book) -> Result<(), Fault> {
        if let Some(record) = &mut book.record {
            record.intent = None;
            book.unsaved = true;
        }
        self.save(book).await
    }
}

fn begun(book: &Book) -> Option<(Intent, Zeroizing<String>)> {
    let record: &Record = book.record.as_ref()?;
    Some((record.intent?, record.token.clone()))
}

fn postpone(book: &mut Book, now: Timestamp, by: SignedDuration) {
    book.postponed_until = Some(later(now, by));
}

fn lost(intent: Intent) -> Fault {
    Fault::config(format!(
        "expected the token or its successor to work, found that its rotation at {} has happened, that the answer was lost, and with it the \
         new token, which ends on {}. Nothing more is asked with the old one. In GitLab, revoke the newest token of that name and make another, \
         and put it into the config",
        intent.begun_at.strftime("%Y-%m-%d %H:%M UTC"),
        intent.until
    ))
}
