//! The tokens that the plugin has logged in for: one for new requests, and older ones for as long as leases depend on them.
//!
//! A lease dies with the token that it was made with. So a token is renewed for as long as one of its leases may live, it is
//! kept so that a restart of the platform does not end it, and when it is found dead, everything made with it is known to be.

mod book;
mod upkeep;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use provisionhook_plugin_abi::sdk::Fault;
use provisionhook_provider_kit::memory::World;
use zeroize::Zeroizing;

use self::book::{Book, Session};
use crate::{
    client::{Answer, Ask, Client, OwnToken},
    config::Method,
    kept,
    login::log_in,
};

pub use self::upkeep::Upkeep;

const KEY: &str = "sessions";
/// After a refusal that a new token may mend, so long no other is fetched for that reason.
const BETWEEN_LOGINS: Duration = Duration::from_secs(60);

/// A token to make a request with.
#[derive(Clone)]
pub struct Ticket {
    /// The number of its session.
    pub session: u64,
    /// The token.
    pub token: Zeroizing<String>,
    /// What it may do, for messages.
    pub policies: Vec<String>,
    usable_until: Option<Timestamp>,
}

/// The sessions. Its methods may be called from any thread, at the same time.
pub struct Sessions {
    method: Method,
    /// Held by whoever logs in or renews, across the requests.
    book: async_lock::Mutex<Option<Book>>,
    /// The token for new requests. A `std` mutex: it is never held across a request.
    ticket: Mutex<Option<Ticket>>,
}

impl Sessions {
    /// None yet.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self {
            method,
            book: async_lock::Mutex::new(None),
            ticket: Mutex::default(),
        }
    }

    /// The token for new requests: the one that is there, renewed if it is time, or a new one.
    ///
    /// # Errors
    /// Vault does not give one.
    pub async fn current<W: World>(&self, client: &Client<W>) -> Result<Ticket, Fault> {
        let now = client.world.now();
        if let Some(ticket) = self.ticket()
            && ticket.usable_until.is_none_or(|end| now < end)
        {
            return Ok(ticket);
        }
        let mut guard = self.book.lock().await;
        let book = self.opened(client, &mut guard).await?;
        if let Some(session) = book.current_mut()
            && session.may_start_work(now)
        {
            if session.renew_at().is_some_and(|at| at <= now) {
                upkeep::renew(client, session).await;
            }
            if session.may_start_work(client.world.now()) {
                save_softly(client, book).await;
                return self.publish(book).ok_or_else(lost);
            }
        }
        self.start(client, book).await
    }

    /// Another token after Vault refused something to this one with 403; none if the refusal is Vault's last word.
    ///
    /// Vault does not tell a dead token from a missing policy. The token is asked about itself: a dead one is replaced, and so
    /// is a living one, once in a while, because its role may have been given more policies since.
    ///
    /// # Errors
    /// Vault does not give another.
    pub async fn instead_of<W: World>(
        &self,
        client: &Client<W>,
        refused: &Ticket,
    ) -> Result<Option<Ticket>, Fault> {
        let mut guard = self.book.lock().await;
        let book = self.opened(client, &mut guard).await?;
        if book.current != Some(refused.session) {
            // Somebody else was faster.
            return match self.publish(book) {
                Some(ticket) => Ok(Some(ticket)),
                None => self.start(client, book).await.map(Some),
            };
        }
        let dead = self.is_dead(client, &refused.token).await?;
        let now = client.world.now();
        let fresh = book.is_fresh(BETWEEN_LOGINS, now);
        let given = matches!(self.method, Method::Token(_));
        if dead && fresh && !given {
            return Err(Fault::config(format!(
                "{} refuses auth/token/lookup-self (status 403) to the token that it gave a moment ago; give the role the policy \"default\" \
                 (token_no_default_policy), or find out who revokes the token",
                client.service()
            )));
        }
        if dead {
            book.bury(refused.session, now);
            self.unpublish();
        } else if fresh || given {
            return Ok(None);
        }
        self.start(client, book).await.map(Some)
    }

    /// Notes that something made with a session lives until `end`, and renews the session if it would end before. Gives the
    /// session's end, if it has one.
    ///
    /// # Errors
    /// It cannot be kept, so that it would be forgotten by a restart.
    pub async fn depend<W: World>(
        &self,
        client: &Client<W>,
        number: u64,
        end: Timestamp,
    ) -> Result<Option<Timestamp>, Fault> {
        let mut guard = self.book.lock().await;
        let book = self.opened(client, &mut guard).await?;
        let now = client.world.now();
        let Some(session) = book.session_mut(number) else {
            return Ok(Some(now));
        };
        let mut changed = session.need_until(end, now);
        if session.could_reach(end) {
            upkeep::renew(client, session).await;
            changed = true;
        }
        let ends_at = session.ends_at;
        if changed {
            kept::save(&client.world, KEY, book).await?;
        }
        Ok(ends_at)
    }

    /// Renews what is due, ends what nobody needs any more.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn keep_up<W: World>(&self, client: &Client<W>) -> Result<Upkeep, Fault> {
        let mut guard = self.book.lock().await;
        let book = self.opened(client, &mut guard).await?;
        let upkeep = upkeep::keep_up(client, book).await;
        if book.current_mut().is_none() {
            self.unpublish();
        }
        if upkeep.changed {
            save_softly(client, book).await;
        }
        Ok(upkeep)
    }

    /// Whether a session's token is among those that live, as far as is known.
    ///
    /// # Errors
    /// The state cannot be read.
    pub async fn lives<W: World>(&self, client: &Client<W>, number: u64) -> Result<bool, Fault> {
        let mut guard = self.book.lock().await;
        let book = self.opened(client, &mut guard).await?;
        let now = client.world.now();
        Ok(book
            .session_mut(number)
            .is_some_and(|session| session.is_alive(now)))
    }

    /// A token from an earlier run, if it still works; else a new one. For the start of the platform.
    ///
    /// # Errors
    /// Vault does not give one.
    pub async fn check<W: World>(&self, client: &Client<W>) -> Result<(), Fault> {
        let mut guard = self.book.lock().await;
        let book = self.opened(client, &mut guard).await?;
        if let Some(session) = book.current_mut() {
            if let Some(own) = own(client, &session.token).await? {
                session.learn(own, client.world.now());
                return Ok(());
            }
            let number = session.number;
            book.bury(number, client.world.now());
        }
        self.start(client, book).await.map(drop)
    }

    /// Ends the session of a run that keeps nothing, if it began one.
    pub async fn end_unkept<W: World>(&self, client: &Client<W>) {
        let mut guard = self.book.lock().await;
        let Some(book) = guard.as_mut().filter(|book| book.unkept) else {
            return;
        };
        if let Some(session) = book.current_mut().filter(|session| session.is_ours()) {
            upkeep::revoke(client, session).await;
            *guard = None;
            self.unpublish();
        }
    }

    /// Logs in, and makes the new session the current one.
    ///
    /// # Errors
    /// Vault does not accept the login.
    async fn start<W: World>(&self, client: &Client<W>, book: &mut Book) -> Result<Ticket, Fault> {
        book.bury_dead(client.world.now());
        let session = match &self.method {
            Method::Token(token) => self.given(client, token).await?,
            Method::AppRole { .. } | Method::Signed { .. } => {
                let auth = log_in(client, &self.method).await?;
                Session::of_login(auth, self.method.identity(), client.world.now())
            }
        };
        tracing::info!(
            policies = session.policies.join(","),
            ends_at = session.ends_at.map(tracing::field::display),
            renewable = session.renewable,
            "logged in to Vault"
        );
        book.add(session, client.world.now());
        upkeep::drop_unneeded(client, book).await;
        save_softly(client, book).await;
        self.publish(book).ok_or_else(lost)
    }

    /// The session of a token that the operator gave.
    ///
    /// # Errors
    /// Vault does not know it.
    async fn given<W: World>(
        &self,
        client: &Client<W>,
        token: &Zeroizing<String>,
    ) -> Result<Session, Fault> {
        let known = own(client, token).await?;
        let Some(own) = known else {
            // The error of a login that cannot be repeated.
            return Err(log_in(client, &self.method)
                .await
                .err()
                .unwrap_or_else(lost));
        };
        if own.num_uses > 0 {
            return Err(Fault::config(format!(
                "/auth/token: expected a token that can be used without a limit, found one for {} uses",
                own.num_uses
            )));
        }
        let identity = self.method.identity();
        Ok(Session::of_token(
            token.clone(),
            own,
            identity,
            client.world.now(),
        ))
    }

    /// # Errors
    /// Vault does not say.
    async fn is_dead<W: World>(&self, client: &Client<W>, token: &str) -> Result<bool, Fault> {
        Ok(own(client, token).await?.is_none())
    }

    /// The book, with what an earlier run left in it.
    ///
    /// # Errors
    /// The state cannot be read.
    async fn opened<'b, W: World>(
        &self,
        client: &Client<W>,
        book: &'b mut Option<Book>,
    ) -> Result<&'b mut Book, Fault> {
        if book.is_none() {
            let found: Option<Book> = kept::load(&client.world, KEY).await?;
            let mut found = found.unwrap_or_default();
            found.choose(&self.method);
            // Finds out whether this run may keep anything.
            save_softly(client, &mut found).await;
            if found.unkept {
                found.borrow_all();
            }
            *book = Some(found);
        }
        book.as_mut().ok_or_else(lost)
    }

    fn publish(&self, book: &mut Book) -> Option<Ticket> {
        let ticket = book.current_mut().map(|session| session.ticket());
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = ticket.clone();
        ticket
    }

    fn unpublish(&self) {
        *self.ticket.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn ticket(&self) -> Option<Ticket> {
        self.ticket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A session that is not kept ends with this run, which harms nobody until a lease depends on it.
async fn save_softly<W: World>(client: &Client<W>, book: &mut Book) {
    let saved = kept::save(&client.world, KEY, book).await;
    book.unkept = saved.is_err();
    if let Err(fault) = saved {
        tracing::debug!(%fault, "the login's token is not kept");
    }
}

/// What a token says of itself; none if Vault does not know it, or does not let it say.
///
/// # Errors
/// Vault does not answer.
async fn own<W: World>(client: &Client<W>, token: &str) -> Result<Option<OwnToken>, Fault> {
    match client
        .ask(&Ask::read("auth/token/lookup-self").with(token))
        .await?
    {
        Answer::Success(response) => {
            let mut envelope: crate::client::Envelope = client.service().read(&response)?;
            let data = envelope.take_data().unwrap_or_default();
            serde_json::from_slice(data.as_bytes())
                .map(Some)
                .map_err(|_| {
                    Fault::transient(
                        "expected Vault to say what the token is, found something else",
                    )
                })
        }
        Answer::Refused(_) => Ok(None),
    }
}

/// Sessions that live, by number, each with the end that nothing puts off, if it has one.
pub type Ends = BTreeMap<u64, Option<Timestamp>>;

fn lost() -> Fault {
    Fault::internal("the session that was just made is not there")
}
