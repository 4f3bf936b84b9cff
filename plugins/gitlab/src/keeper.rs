//! The configured token, and the one rotator of its family.
//!
//! A rotation kills the old token at once, and only its answer knows the new one. A rotation with a token that is dead already
//! kills the living one too. So:
//!
//! 1. One lock is held across all of it, for the whole library.
//! 2. Right before, the token is asked whether it lives.
//! 3. The intent is on the disk before GitLab is asked.
//! 4. The new token is in memory before anything else is waited for, and on the disk before anybody gets it.
//! 5. After a lost answer the old token is asked whether it lives, and nothing else is asked. While it lives there is no second try
//!    until the first one can no longer be under way. When it is dead, the plugin stops and says so.

mod handed;
mod rotation;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};
use provisionhook_provider_kit::{
    memory::World,
    shared::{self, Fetched, Shared},
};

use crate::{
    client::{Client, Shown},
    patience::Patience,
    record::Record,
};

pub use self::handed::Current;

/// Held by whoever looks after a token that is rotated: an instance that was replaced may still be at work.
static ALONE: async_lock::Mutex<()> = async_lock::Mutex::new(());

/// How long after a failed look the next one is made, while what was seen before is used.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Nothing that is no longer fresh is served: it may be the token that is being rotated away.
const RULES: shared::Rules = shared::Rules {
    fresh_for: Duration::from_secs(60),
    useful_for: Duration::ZERO,
    least_left: Duration::MAX,
    most_keys: 1,
};

/// Keeps the token. Its methods may be called from any thread.
pub struct Keeper<W> {
    client: Arc<Client<W>>,
    shared: Shared<(), Current>,
    /// Held across requests, by one at a time.
    book: async_lock::Mutex<Book>,
}

/// What is known.
#[derive(Default)]
struct Book {
    record: Option<Record>,
    /// The record is newer than what is on the disk.
    unsaved: bool,
    looked: Option<Looked>,
    /// Until then no rotation is tried.
    postponed_until: Option<Timestamp>,
}

/// What GitLab said of the current token.
struct Looked {
    at: Timestamp,
    /// When to look again.
    next: Timestamp,
    shown: Shown,
}

impl<W: World> Keeper<W> {
    /// Asks nobody.
    pub fn new(client: Arc<Client<W>>) -> Self {
        Self {
            client,
            shared: Shared::new(RULES),
            book: async_lock::Mutex::default(),
        }
    }

    /// Whether the token works, for the boot report. A GitLab that is down is not the token's fault.
    ///
    /// # Errors
    /// The token is refused, or lost, or its state cannot be read.
    pub async fn check(&self) -> Result<(), Fault> {
        let looked = self.fetched(Patience::LOOK_ONLY).await;
        // A workspace gets what was seen when it asked, not what was seen at boot.
        self.book.lock().await.looked = None;
        match looked {
            Err(fault) if fault.kind() == FaultKind::TRANSIENT => {
                tracing::warn!(%fault, "cannot tell yet whether the token works");
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// The token that is current, rotated before if that is due and the call can bear it.
    ///
    /// # Errors
    /// There is none that works, or GitLab does not say.
    pub async fn current(&self, patience: Patience) -> Result<Current, Fault> {
        let fetch = self.fetched(patience);
        self.shared.get(&(), self.client.world(), fetch).await
    }

    /// # Errors
    /// There is no token that works, or GitLab does not say.
    async fn fetched(&self, patience: Patience) -> Result<Fetched<Current>, Fault> {
        let _alone = match self.client.settings().rotate {
            Some(_) => Some(ALONE.lock().await),
            None => None,
        };
        let mut book = self.book.lock().await;
        let book = &mut *book;
        self.open(book).await?;
        self.save(book).await?;
        self.settle(book).await?;
        self.look(book).await?;
        self.rotate_if_due(book, patience).await?;
        self.handed(book)
    }

    /// # Errors
    /// What is remembered cannot be read.
    async fn open(&self, book: &mut Book) -> Result<(), Fault> {
        if book.record.is_some() {
            return Ok(());
        }
        let configured = &self.client.settings().token.0;
        let read = Record::read(self.client.world(), configured).await;
        book.record = Some(match read {
            Ok(record) => record,
            // Without rotations there is nothing to remember.
            Err(_) if self.client.settings().rotate.is_none() => Record::of(configured),
            Err(fault) => return Err(fault),
        });
        Ok(())
    }

    /// # Errors
    /// The disk does not have the record yet; nobody must get its token.
    async fn save(&self, book: &mut Book) -> Result<(), Fault> {
        if !book.unsaved {
            return Ok(());
        }
        if let Some(record) = &book.record {
            record.write(self.client.world()).await.map_err(|fault| {
                Fault::transient(format!(
                    "the rotated token cannot be written down, so it is not used: {fault}; make room for the platform's state, and do not restart \
                     the platform before, or the token is lost"
                ))
            })?;
        }
        book.unsaved = false;
        Ok(())
    }

    /// Looks, unless that was done a while ago.
    ///
    /// # Errors
    /// The token is refused; or GitLab does not answer, and did not before.
    async fn look(&self, book: &mut Book) -> Result<(), Fault> {
        let now = self.client.world().now();
        match &book.looked {
            Some(looked) if looked.at <= now && now < looked.next => Ok(()),
            _ => self.look_now(book).await,
        }
    }

    /// # Errors
    /// As for [`look`](Self::look).
    async fn look_now(&self, book: &mut Book) -> Result<(), Fault> {
        let Some(record) = &book.record else {
            return Err(Fault::internal("no token to look at"));
        };
        let failed = match self.client.look(&record.token).await {
            Ok(shown) => {
                let now = self.client.world().now();
                book.looked = Some(self.looked(shown, now));
                return Ok(());
            }
            Err(failed) => failed,
        };
        if failed.is_unauthorized() {
            book.looked = None;
            return Err(refused(record, failed.fault));
        }
        let now = self.client.world().now();
        match &mut book.looked {
            Some(looked) if failed.fault.kind() == FaultKind::TRANSIENT => {
                tracing::warn!(fault = %failed.fault, "cannot tell whether the token still works; using it");
                let told = failed
                    .fault
                    .retry_delay()
                    .and_then(|delay| delay.try_into().ok());
                looked.next = later(now, told.unwrap_or(LOOK_AGAIN).max(LOOK_AGAIN));
                Ok(())
            }
            _ => Err(failed.fault),
        }
    }

    fn looked(&self, shown: Shown, now: Timestamp) -> Looked {
        let recheck = SignedDuration::try_from(self.client.settings().recheck);
        Looked {
            at: now,
            next: later(now, recheck.unwrap_or(LOOK_AGAIN)),
            shown,
        }
    }
}

/// GitLab's word, with where the token came from.
fn refused(record: &Record, fault: Fault) -> Fault {
    match record.rotated_at {
        Some(at) if fault.kind() == FaultKind::CONFIG => Fault::config(format!(
            "the token that came of the rotation at {} works no more: {fault}",
            at.strftime("%Y-%m-%d %H:%M UTC")
        )),
        _ => fault,
    }
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}
