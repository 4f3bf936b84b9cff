//! Plugins in code.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use provisionhook_host::{
    call::Call,
    capability::{Again, EnvMutator, FileContributor, Outcome, Scope, Token, TokenProvider},
    env::Edits,
    fault::{Fault, FaultKind},
    files::Contribution,
    registry::{Plugin, Registry},
    secret::Secret,
};

/// A mutator that does this.
pub(crate) struct Mutate<F>(pub(crate) F);

impl<F: Fn(&Call, &mut Edits) -> Result<(), Fault> + Send + Sync> EnvMutator for Mutate<F> {
    fn mutate<'a>(&'a self, call: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()> {
        Outcome::Ready((self.0)(call, edits))
    }
}

/// Registers a mutator.
pub(crate) fn mutator(
    registry: &Registry,
    name: &str,
    mutate: impl Fn(&Call, &mut Edits) -> Result<(), Fault> + Send + Sync + 'static,
) {
    assert!(registry.register_mutator(name, Some(Arc::new(Mutate(mutate)))));
}

/// Registers a mutator that sets one variable.
pub(crate) fn setter(
    registry: &Registry,
    name: &str,
    key: &'static str,
    value: &'static str,
    secret: bool,
) {
    mutator(registry, name, move |_, edits| {
        edits
            .set(key, value, secret)
            .map_err(|refusal| Fault::new(FaultKind::Internal, refusal.to_string()))
    });
}

/// Registers a mutator that does not return until the sender is dropped.
pub(crate) fn stuck(registry: &Registry, name: &str) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    mutator(registry, name, move |_, _| {
        let _ = held.lock().unwrap().recv_timeout(Duration::from_secs(60));
        Ok(())
    });
    release
}

struct Contribute<F>(F);

impl<F> FileContributor for Contribute<F>
where
    F: Fn(&Call, &mut Contribution) -> Result<Again, Fault> + Send + Sync,
{
    fn contribute<'a>(&'a self, call: &'a Call, files: &'a mut Contribution) -> Outcome<'a, Again> {
        Outcome::Ready((self.0)(call, files))
    }
}

/// Registers a plugin that puts files.
pub(crate) fn contributor(
    registry: &Registry,
    name: &str,
    contribute: impl Fn(&Call, &mut Contribution) -> Result<Again, Fault> + Send + Sync + 'static,
) {
    assert!(registry.register(Plugin {
        files: Some(Arc::new(Contribute(contribute))),
        ..Plugin::in_code(name)
    }));
}

/// Asks to be called again after this long.
///
/// # Errors
/// None; it is what a plugin answers.
pub(crate) fn again(seconds: u64) -> Result<Again, Fault> {
    Ok(Again(Some(Duration::from_secs(seconds))))
}

/// Asks for nothing more.
///
/// # Errors
/// None; it is what a plugin answers.
pub(crate) fn never_again() -> Result<Again, Fault> {
    Ok(Again(None))
}

/// What a token provider does.
#[derive(Clone)]
pub(crate) enum Gives {
    /// This token, with this many calls counted.
    Value(&'static str),
    /// An empty one.
    Nothing,
    /// This fault.
    Fault(FaultKind, &'static str),
    /// The scope, as the token.
    Scope,
}

struct Provide {
    gives: Gives,
    calls: Arc<AtomicUsize>,
}

/// When tokens of the test expire: in the year 2100 it would be refused as absurd, so an hour from now.
pub(crate) fn in_an_hour() -> jiff::Timestamp {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 3600).unwrap()
}

impl TokenProvider for Provide {
    fn token<'a>(&'a self, _: &'a Call, scope: &'a Scope) -> Outcome<'a, Token> {
        let calls = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let value = match &self.gives {
            Gives::Value(value) => format!("{value}{calls}"),
            Gives::Nothing => String::new(),
            Gives::Fault(kind, message) => return Outcome::Ready(Err(Fault::new(*kind, *message))),
            Gives::Scope => format!(
                "{}|{}|{:?}",
                scope.audience,
                scope.repositories.join("+"),
                scope.permissions
            ),
        };
        Outcome::Ready(Ok(Token {
            value: Secret::new(value),
            expires_at: Some(in_an_hour()),
            username: Some("x-access-token".into()),
        }))
    }
}

struct Holds(Mutex<mpsc::Receiver<()>>);

impl TokenProvider for Holds {
    fn token<'a>(&'a self, _: &'a Call, _: &'a Scope) -> Outcome<'a, Token> {
        let _ = self.0.lock().unwrap().recv_timeout(Duration::from_secs(60));
        Outcome::Ready(Err(Fault::new(FaultKind::Internal, "held")))
    }
}

/// Registers a token provider that does not return until the sender is dropped.
pub(crate) fn stuck_provider(registry: &Registry, name: &str) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel();
    let tokens = Arc::new(Holds(Mutex::new(held)));
    assert!(registry.register(Plugin {
        tokens: Some(tokens),
        ..Plugin::in_code(name)
    }));
    release
}

/// Registers a token provider; the counter counts how often it was asked.
pub(crate) fn provider(registry: &Registry, name: &str, gives: Gives) -> Arc<AtomicUsize> {
    let calls = Arc::new(AtomicUsize::new(0));
    let tokens = Arc::new(Provide {
        gives,
        calls: Arc::clone(&calls),
    });
    assert!(registry.register(Plugin {
        tokens: Some(tokens),
        ..Plugin::in_code(name)
    }));
    calls
}
