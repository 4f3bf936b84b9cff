//! Plugins in code that look after workspaces.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use provisionhook_host::{
    call::Call,
    capability::{Again, Outcome, Scope, Token, TokenProvider, WorkspaceLifecycle},
    fault::Fault,
    registry::{Plugin, Registry},
    secret::Secret,
};

use crate::plugins::never_again;

/// What a lifecycle does when it is told that a workspace has ended.
pub(crate) type Ends = Box<dyn for<'a> Fn(&'a Call) -> Outcome<'a, ()> + Send + Sync>;

/// What it does when it is to keep a workspace.
type Tends = Box<dyn Fn(&Call) -> Result<Again, Fault> + Send + Sync>;

/// A lifecycle that notes its calls.
struct Life {
    tend: Tends,
    ended: Ends,
    noted: Noted,
}

/// The calls of a plugin so far: `tend ID`, `ended ID`.
#[derive(Clone, Default)]
pub(crate) struct Noted(Arc<Mutex<Vec<String>>>);

impl Noted {
    pub(crate) fn note(&self, call: &str, of: &Call) {
        let line = format!("{call} {}", of.attributes.workspace_id);
        self.0.lock().unwrap().push(line);
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, start: &str) -> usize {
        let all = self.0.lock().unwrap();
        all.iter().filter(|line| line.starts_with(start)).count()
    }

    /// Waits until there are so many that start like this.
    pub(crate) async fn reach(&self, start: &str, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.count(start) < count {
            assert!(
                Instant::now() < deadline,
                "never {count} times {start}: {:?}",
                self.all()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl WorkspaceLifecycle for Life {
    fn tend<'a>(&'a self, call: &'a Call) -> Outcome<'a, Again> {
        self.noted.note("tend", call);
        Outcome::Ready((self.tend)(call))
    }

    fn ended<'a>(&'a self, call: &'a Call) -> Outcome<'a, ()> {
        self.noted.note("ended", call);
        (self.ended)(call)
    }
}

/// Registers a plugin that hears of the ends of workspaces, and does this then.
pub(crate) fn lifecycle(registry: &Registry, name: &str, ended: Ends) -> Noted {
    tending(registry, name, |_| never_again(), ended)
}

/// Registers a plugin that keeps workspaces, too.
pub(crate) fn tending(
    registry: &Registry,
    name: &str,
    tend: impl Fn(&Call) -> Result<Again, Fault> + Send + Sync + 'static,
    ended: Ends,
) -> Noted {
    let noted = Noted::default();
    let life = Life {
        tend: Box::new(tend),
        ended,
        noted: noted.clone(),
    };
    assert!(registry.register(Plugin {
        lifecycle: Some(Arc::new(life)),
        ..Plugin::in_code(name)
    }));
    noted
}

/// A token provider that takes a second.
struct Slow(Noted);

impl TokenProvider for Slow {
    fn token<'a>(&'a self, call: &'a Call, _: &'a Scope) -> Outcome<'a, Token> {
        self.0.note("asked", call);
        Outcome::Pending(Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.0.note("made", call);
            Ok(Token {
                value: Secret::new("made-too-late"),
                expires_at: None,
                username: None,
            })
        }))
    }
}

/// Registers a token provider that takes a second, and notes when it is asked for and has made a token.
pub(crate) fn slow_provider(registry: &Registry, name: &str, noted: &Noted) {
    assert!(registry.register(Plugin {
        tokens: Some(Arc::new(Slow(noted.clone()))),
        ..Plugin::in_code(name)
    }));
}
