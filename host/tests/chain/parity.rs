//! What the Go package did, row by row.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use provisionhook_host::{
    call::Call,
    capability::{Outcome, Scope, Token, TokenProvider},
    fault::{Fault, FaultKind},
    policy::{OnTransient, PluginPolicy},
    registry::{Plugin, Registry},
    secret::Secret,
};

use super::*;

struct Provider;

impl TokenProvider for Provider {
    fn token<'a>(&'a self, _: &'a Call, _: &'a Scope) -> Outcome<'a, Token> {
        Outcome::Ready(Ok(Token {
            value: Secret::new("t"),
            expires_at: None,
            username: None,
        }))
    }
}

#[tokio::test]
async fn register_keeps_order() {
    let trail = Trail::default();
    let registry = registry(["c", "a", "b"].map(|name| (name, trail.step(name))));
    run_all(&registry, base([])).await.unwrap();
    assert_eq!(registry.names(), ["c", "a", "b"]);
    assert_eq!(trail.seen(), ["c", "a", "b"]);
}

#[tokio::test]
async fn a_null_mutator_is_ignored() {
    let registry = registry([("null", None), ("real", sets("A", "1"))]);
    assert_eq!(registry.names(), ["real"]);
    assert!(!registry.register(Plugin::in_code("nothing")));
    assert_eq!(run_all(&registry, base([])).await.unwrap().steps.len(), 1);
}

#[tokio::test]
async fn the_same_instance_twice_runs_twice() {
    let trail = Trail::default();
    let (registry, twice) = (
        Registry::new(),
        Arc::new(plugin("twice", trail.step("twice"))),
    );
    assert!(registry.register(Arc::clone(&twice)) && registry.register(twice));
    run_all(&registry, base([])).await.unwrap();
    assert_eq!((registry.len(), trail.seen().len()), (2, 2));
}

#[test]
fn names_and_snapshots_are_copies() {
    let registry = registry([("a", sets("A", "1"))]);
    let (mut names, snapshot) = (registry.names(), registry.snapshot());
    names.push("mine".to_owned());
    registry.register_mutator("b", sets("B", "1"));
    assert_eq!((snapshot.len(), registry.len()), (1, 2));
    assert_eq!(registry.names(), ["a", "b"]);
}

#[tokio::test]
async fn each_sees_what_the_earlier_ones_wrote() {
    let doubles = || {
        mutator(|_, edits| {
            let value = edits.get("X").unwrap().unwrap_or_default().repeat(2);
            edits.set("X", &value, false).unwrap();
            Ok(())
        })
    };
    let registry = registry([("one", doubles()), ("two", doubles())]);
    let outcome = run_all(&registry, base([("X", "ab")])).await.unwrap();
    assert_eq!(pairs(&outcome), [("X", "abababab")]);
}

#[tokio::test]
async fn the_first_error_aborts_and_names_the_plugin() {
    let trail = Trail::default();
    let registry = registry([
        ("first", trail.step("first")),
        (
            "broken",
            fails(FaultKind::Denied, "expected access, found none"),
        ),
        ("last", trail.step("last")),
    ]);
    let error = run_all(&registry, base([])).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "provisionhook \"broken\": expected access, found none"
    );
    assert_eq!(
        (error.plugin.as_str(), error.fault.kind),
        ("broken", FaultKind::Denied)
    );
    assert_eq!(trail.seen(), ["first"], "later ones do not run");
}

#[tokio::test]
async fn an_empty_registry_is_a_no_op_without_token_provider() {
    let registry = Registry::default();
    let outcome = run_all(&registry, base([("A", "1"), ("B", "2")]))
        .await
        .unwrap();
    assert_eq!(pairs(&outcome), [("A", "1"), ("B", "2")]);
    assert!(outcome.steps.is_empty() && registry.is_empty());
    assert!(registry.first_token_provider().is_none());
}

#[test]
fn the_first_token_provider_is_found_behind_plugins_that_are_none() {
    let registry = registry([("a", sets("A", "1")), ("b", sets("B", "1"))]);
    assert!(registry.first_token_provider().is_none());
    for name in ["first", "second"] {
        registry.register(Plugin {
            tokens: Some(Arc::new(Provider)),
            ..Plugin::in_code(name)
        });
    }
    assert_eq!(registry.first_token_provider().unwrap().name, "first");
    assert_eq!(registry.token_provider("second").unwrap().name, "second");
    assert!(registry.token_provider("a").is_none());
}

#[tokio::test]
async fn a_plugin_with_tokens_only_has_no_part_in_a_run() {
    let registry = registry([("a", sets("A", "1"))]);
    registry.register(Plugin {
        tokens: Some(Arc::new(Provider)),
        ..Plugin::in_code("tokens")
    });
    assert_eq!(run_all(&registry, base([])).await.unwrap().steps.len(), 1);
    assert_eq!(registry.len(), 2);
}

#[test]
fn registering_while_running_is_safe_and_a_run_keeps_its_snapshot() {
    let (registry, done, runs) = (
        Arc::new(Registry::new()),
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let runners: Vec<_> = (0..2)
        .map(|_| {
            let (registry, done, runs) =
                (Arc::clone(&registry), Arc::clone(&done), Arc::clone(&runs));
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap();
                loop {
                    let last = done.load(SeqCst);
                    let before = registry.len();
                    let outcome = runtime.block_on(run_all(&registry, base([]))).unwrap();
                    assert!((before..=200).contains(&outcome.steps.len()));
                    runs.fetch_add(1, SeqCst);
                    if last {
                        return outcome.steps.len();
                    }
                }
            })
        })
        .collect();
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || {
                (0..100).for_each(|_| assert!(registry.register_mutator("w", sets("A", "1"))))
            })
        })
        .collect();
    writers
        .into_iter()
        .for_each(|writer| writer.join().unwrap());
    done.store(true, SeqCst);
    for runner in runners {
        assert_eq!(runner.join().unwrap(), 200, "no registration was lost");
    }
    assert!(runs.load(SeqCst) >= 2);
}

#[tokio::test]
async fn transient_faults_fail_open_unless_the_operator_says_otherwise() {
    for (on_transient, skipped) in [(OnTransient::Skip, true), (OnTransient::Fail, false)] {
        let registry = Registry::new();
        registry.register(Plugin {
            policy: PluginPolicy {
                on_transient,
                ..PluginPolicy::default()
            },
            ..plugin("upstream", fails(FaultKind::Transient, "upstream is down"))
        });
        registry.register_mutator("after", sets("A", "1"));
        let result = run_all(&registry, base([])).await;
        assert_eq!(
            result.is_ok_and(|outcome| pairs(&outcome) == [("A", "1")]),
            skipped
        );
    }
}

#[tokio::test]
async fn every_other_kind_fails() {
    use FaultKind::*;
    for kind in [Config, Denied, Internal, Panicked, TimedOut, Cancelled] {
        let registry = registry([("broken", fails(kind, "no"))]);
        let error = run_all(&registry, base([])).await.unwrap_err();
        assert_eq!(error.fault, Fault::new(kind, "no"));
    }
}
