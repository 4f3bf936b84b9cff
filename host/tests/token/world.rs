//! A token service that does as the test says, and clocks that the test sets.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::Timestamp;
use provisionhook_host::{
    call::Call,
    capability::{Outcome, Scope, Sharing, Token, TokenProvider},
    fault::{Fault, FaultKind},
    redact::Redactor,
    secret::Secret,
    token::{Broker, BrokerSettings, Provider, TokenError},
};
use tokio::time::Instant;

/// When the test begins.
const START: i64 = 1_800_000_000_000;

/// What the upstream does with a call.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A token that lives for so many seconds, after so many seconds.
    Token {
        life: i64,
        after: u64,
    },
    /// A token of this value that does not say when it expires.
    Value(&'static str),
    /// A fault.
    Fault(FaultKind, Option<Duration>),
    PanicAtOnce,
    PanicLater,
    /// Never answers.
    Hang,
}

/// A token for an hour, at once.
pub(crate) const HOUR: Reply = Reply::Token {
    life: 3_600,
    after: 0,
};
/// The upstream is down.
pub(crate) const DOWN: Reply = Reply::Fault(FaultKind::Transient, None);

pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) redactor: Redactor,
    pub(crate) upstream: Arc<Upstream>,
    provider: Arc<Provider>,
    started: Instant,
    /// How far the wall clock is off, in milliseconds.
    pub(crate) wall_off: Arc<AtomicI64>,
}

pub(crate) struct Upstream {
    reply: Mutex<Reply>,
    calls: AtomicUsize,
    /// When each call came, since the start, and for which workspace.
    pub(crate) heard: Mutex<Vec<(Duration, String, Scope)>>,
    /// How long each call was given.
    pub(crate) given: Mutex<Vec<Duration>>,
    /// How many calls were dropped before they ended.
    pub(crate) dropped: AtomicUsize,
    started: Instant,
    wall_off: Arc<AtomicI64>,
}

impl World {
    pub(crate) fn new(reply: Reply) -> Self {
        Self::with(reply, Sharing::PerWorkspace, BrokerSettings::default())
    }

    pub(crate) fn with(reply: Reply, sharing: Sharing, settings: BrokerSettings) -> Self {
        let (started, wall_off) = (Instant::now(), Arc::new(AtomicI64::new(0)));
        let upstream = Arc::new(Upstream {
            reply: Mutex::new(reply),
            calls: AtomicUsize::new(0),
            heard: Mutex::default(),
            given: Mutex::default(),
            dropped: AtomicUsize::new(0),
            started,
            wall_off: Arc::clone(&wall_off),
        });
        let provider = Arc::new(Provider::new(
            "github",
            upstream.clone(),
            sharing,
            Provider::DEFAULT_BUDGET,
        ));
        let (off, redactor) = (Arc::clone(&wall_off), Redactor::new());
        let broker = Broker::with_clock(
            settings,
            redactor.clone(),
            Arc::new(move || wall(started, &off)),
        );
        Self {
            broker,
            redactor,
            upstream,
            provider,
            started,
            wall_off,
        }
    }

    /// The value of a token for this workspace.
    ///
    /// # Errors
    /// The broker's.
    pub(crate) async fn ask(&self, workspace: &str) -> Result<String, TokenError> {
        self.ask_with(&call(workspace), &Scope::default()).await
    }

    /// # Errors
    /// The broker's.
    pub(crate) async fn ask_with(&self, call: &Call, scope: &Scope) -> Result<String, TokenError> {
        let token = self.broker.token(&self.provider, call, scope).await?;
        Ok(token.value.expose().to_owned())
    }

    /// The same in a task of its own.
    pub(crate) fn ask_apart(
        &self,
        call: Call,
    ) -> tokio::task::JoinHandle<Result<String, TokenError>> {
        let (broker, provider) = (self.broker.clone(), Arc::clone(&self.provider));
        tokio::spawn(async move {
            let token = broker.token(&provider, &call, &Scope::default()).await?;
            Ok(token.value.expose().to_owned())
        })
    }

    pub(crate) fn says(&self, reply: Reply) {
        *self.upstream.reply.lock().unwrap() = reply;
    }

    pub(crate) fn calls(&self) -> usize {
        self.upstream.calls.load(SeqCst)
    }

    pub(crate) fn since_start(&self) -> Duration {
        self.started.elapsed()
    }
}

pub(crate) fn call(workspace: &str) -> Call {
    let mut call = Call::default();
    call.attributes.workspace_id = workspace.to_owned();
    call
}

/// Lets so much (paused) time pass, in which every task does what it can.
pub(crate) async fn pass(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}

fn wall(started: Instant, off: &AtomicI64) -> Timestamp {
    let elapsed = i64::try_from(started.elapsed().as_millis()).unwrap();
    Timestamp::from_millisecond(START + elapsed + off.load(SeqCst)).unwrap()
}

impl TokenProvider for Upstream {
    fn token<'a>(&'a self, call: &'a Call, scope: &'a Scope) -> Outcome<'a, Token> {
        let number = self.calls.fetch_add(1, SeqCst) + 1;
        let workspace = call.attributes.workspace_id.clone();
        self.heard
            .lock()
            .unwrap()
            .push((self.started.elapsed(), workspace, scope.clone()));
        let given = call.deadline.unwrap() - Instant::now().into_std();
        self.given.lock().unwrap().push(given);
        let reply = self.reply.lock().unwrap().clone();
        match reply {
            Reply::Token { life, after: 0 } => Outcome::Ready(Ok(self.token_for(number, life))),
            Reply::Token { life, after } => Outcome::Pending(Box::pin(async move {
                let _watch = CountDrops(self);
                pass(after as f64).await;
                Ok(self.token_for(number, life))
            })),
            Reply::Value(value) => Outcome::Ready(Ok(Token {
                value: Secret::new(value),
                expires_at: None,
                username: None,
            })),
            Reply::Fault(kind, retry_after) => Outcome::Ready(Err(Fault {
                retry_after,
                ..Fault::new(kind, "the upstream said no")
            })),
            Reply::PanicAtOnce => panic!("at once"),
            Reply::PanicLater => Outcome::Pending(Box::pin(async { panic!("later") })),
            Reply::Hang => Outcome::Pending(Box::pin(async {
                let _watch = CountDrops(self);
                std::future::pending().await
            })),
        }
    }
}

impl Upstream {
    fn token_for(&self, number: usize, life: i64) -> Token {
        let now = wall(self.started, &self.wall_off).as_millisecond();
        let expires_at = Some(Timestamp::from_millisecond(now + life * 1_000).unwrap());
        Token {
            value: Secret::new(format!("token-{number}")),
            expires_at,
            username: None,
        }
    }
}

struct CountDrops<'a>(&'a Upstream);

impl Drop for CountDrops<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}
