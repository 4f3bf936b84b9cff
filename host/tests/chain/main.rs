//! The registry and the chain, by way of their public face.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deadline;
mod explain;
mod parity;
mod together;
mod transaction;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use provisionhook_host::{
    call::Call,
    capability::{EnvMutator, Later, Outcome},
    chain::{ChainError, ChainOutcome, Settings, run},
    env::{BaseEnv, BaseOrigin, Edits},
    fault::{Fault, FaultKind},
    registry::{Plugin, Registry},
    secret::Secret,
};

/// A mutator made of a function that is ready at once.
struct Inline<F>(F);

impl<F: Fn(&Call, &mut Edits) -> Result<(), Fault> + Send + Sync> EnvMutator for Inline<F> {
    fn mutate<'a>(&'a self, call: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()> {
        Outcome::Ready(self.0(call, edits))
    }
}

/// A mutator that waits first and then does what the function does.
struct Slow<F>(Duration, F);

impl<F: Fn(&Call, &mut Edits) -> Result<(), Fault> + Send + Sync> EnvMutator for Slow<F> {
    fn mutate<'a>(&'a self, call: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()> {
        let later: Later<'a, ()> = Box::pin(async move {
            tokio::time::sleep(self.0).await;
            self.1(call, edits)
        });
        Outcome::Pending(later)
    }
}

/// A mutator that sets one variable.
fn sets(key: &'static str, value: &'static str) -> Option<Arc<dyn EnvMutator>> {
    mutator(move |_, edits| {
        edits.set(key, value, false).unwrap();
        Ok(())
    })
}

fn fails(kind: FaultKind, message: &'static str) -> Option<Arc<dyn EnvMutator>> {
    mutator(move |_, _| Err(Fault::new(kind, message)))
}

fn mutator(
    f: impl Fn(&Call, &mut Edits) -> Result<(), Fault> + Send + Sync + 'static,
) -> Option<Arc<dyn EnvMutator>> {
    Some(Arc::new(Inline(f)))
}

/// A registry of mutators in code.
fn registry<const N: usize>(mutators: [(&str, Option<Arc<dyn EnvMutator>>); N]) -> Registry {
    let registry = Registry::new();
    for (name, mutator) in mutators {
        registry.register_mutator(name, mutator);
    }
    registry
}

/// The user's part of a base environment.
fn base<const N: usize>(variables: [(&str, &str); N]) -> Arc<BaseEnv> {
    let mut base = BaseEnv::new();
    for (key, value) in variables {
        base.insert(BaseOrigin::Workspace, key, Secret::new(value), false)
            .unwrap();
    }
    Arc::new(base)
}

/// # Errors
/// As `run`.
async fn run_all(registry: &Registry, base: Arc<BaseEnv>) -> Result<ChainOutcome, ChainError> {
    run(
        &registry.snapshot(),
        base,
        &Call::default(),
        &Settings::default(),
    )
    .await
}

/// The environment as pairs of text.
fn pairs(outcome: &ChainOutcome) -> Vec<(&str, &str)> {
    outcome
        .env
        .iter()
        .map(|(key, value)| (&**key, value.value.expose()))
        .collect()
}

/// Notes the order in which mutators were called.
#[derive(Clone, Default)]
struct Trail(Arc<Mutex<Vec<&'static str>>>);

impl Trail {
    fn step(&self, name: &'static str) -> Option<Arc<dyn EnvMutator>> {
        let trail = self.clone();
        mutator(move |_, _| {
            trail.0.lock().unwrap().push(name);
            Ok(())
        })
    }

    fn seen(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

/// A plugin with a mutator; the rest as in code.
fn plugin(name: &str, mutator: Option<Arc<dyn EnvMutator>>) -> Plugin {
    Plugin {
        mutator,
        ..Plugin::in_code(name)
    }
}
