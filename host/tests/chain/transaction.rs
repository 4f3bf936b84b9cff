//! Transactions, key rules, selectors, provenance and conflicts in a run.

use std::sync::Arc;

use provisionhook_host::{
    call::{Attributes, Call},
    chain::{OnConflict, Settings, StepOutcome, run},
    env::{BaseOrigin, KeyPattern, KeyRules, Source},
    fault::{Fault, FaultKind},
    policy::{PluginPolicy, Selector},
    registry::{Plugin, Registry},
};

use super::*;

#[tokio::test]
async fn a_skipped_plugin_leaves_nothing_behind() {
    let half = mutator(|_, edits| {
        edits.set("A", "half", false).unwrap();
        edits.unset("B").unwrap();
        Err(Fault::new(FaultKind::Transient, "gave up"))
    });
    let registry = registry([("half", half), ("after", sets("C", "3"))]);
    let outcome = run_all(&registry, base([("A", "1"), ("B", "2")]))
        .await
        .unwrap();
    assert_eq!(pairs(&outcome), [("A", "1"), ("B", "2"), ("C", "3")]);
    assert!(outcome.conflicts.is_empty());
    assert!(
        matches!(&outcome.steps[0].outcome, StepOutcome::Skipped(fault) if fault.message == "gave up")
    );
}

#[tokio::test]
async fn a_refused_write_fails_as_config_whatever_the_plugin_makes_of_it() {
    for answer in [Ok(()), Err(Fault::new(FaultKind::Transient, "never mind"))] {
        let plugin = Plugin {
            keys: Arc::new(KeyRules::new(
                Vec::new(),
                vec![KeyPattern::parse("MINE").unwrap()],
                Vec::new(),
            )),
            ..plugin(
                "greedy",
                mutator(move |_, edits| {
                    let _ = edits.set("YOURS", "1", false);
                    answer.clone()
                }),
            )
        };
        let registry = Registry::new();
        registry.register(plugin);
        let error = run_all(&registry, base([])).await.unwrap_err();
        assert_eq!(error.fault.kind, FaultKind::Config);
        assert!(
            error
                .to_string()
                .starts_with("provisionhook \"greedy\": expected a variable that is declared"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_panic_in_code_fails_the_run_and_not_the_host() {
    let registry = registry([("bad", mutator(|_, _| panic!("out of cheese")))]);
    let error = run_all(&registry, base([])).await.unwrap_err();
    assert_eq!(error.fault.kind, FaultKind::Panicked);
    assert!(error.to_string().contains("out of cheese"), "{error}");
    assert_eq!(registry.snapshot()[0].health.report().faults["panicked"], 1);
}

#[tokio::test]
async fn a_secret_of_a_failed_call_is_not_in_its_error() {
    let leaks = mutator(|_, edits| {
        edits.set("A", "hunter2hunter2", true).unwrap();
        Err(Fault::new(
            FaultKind::Internal,
            "could not use hunter2hunter2",
        ))
    });
    let error = run_all(&registry([("leaky", leaks)]), base([]))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "provisionhook \"leaky\": could not use [redacted]"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_selector_keeps_a_plugin_from_other_workspaces() {
    let registry = Registry::new();
    let selector = Selector {
        tenants: vec!["acme".into()],
        ..Selector::default()
    };
    registry.register(Plugin {
        policy: PluginPolicy {
            selector,
            ..PluginPolicy::default()
        },
        ..plugin("acme-only", sets("A", "1"))
    });
    for (tenant, selected) in [("acme", true), ("other", false)] {
        let call = Call {
            attributes: Attributes {
                tenant: tenant.into(),
                ..Attributes::default()
            },
            ..Call::default()
        };
        let outcome = run(&registry.snapshot(), base([]), &call, &Settings::default())
            .await
            .unwrap();
        assert_eq!(outcome.env.len(), usize::from(selected));
        assert_eq!(
            outcome.steps[0].outcome == StepOutcome::NotSelected,
            !selected
        );
    }
    assert_eq!(registry.snapshot()[0].health.report().calls, 1);
}

#[tokio::test]
async fn conflicts_are_told_and_can_be_forbidden() {
    let registry = registry([
        ("one", sets("A", "1")),
        ("two", sets("A", "2")),
        ("three", sets("U", "3")),
    ]);
    let outcome = run_all(&registry, base([("U", "user")])).await.unwrap();
    let told: Vec<_> = outcome
        .conflicts
        .iter()
        .map(|c| (c.key.as_str(), c.plugin.as_str(), c.over.clone()))
        .collect();
    assert_eq!(
        told,
        [
            ("A", "two", Source::Plugin("one".into())),
            ("U", "three", Source::Base(BaseOrigin::Workspace))
        ]
    );
    let a = outcome.provenance.iter().find(|p| p.key == "A").unwrap();
    assert_eq!(
        (&a.set_by, &a.overrode[..]),
        (
            &Source::Plugin("two".into()),
            &[Source::Plugin("one".into())][..]
        )
    );
    let settings = Settings {
        on_conflict: OnConflict::Fail,
        ..Settings::default()
    };
    let error = run(&registry.snapshot(), base([]), &Call::default(), &settings)
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("provisionhook \"two\": expected to be the only one that sets A, found that plugin one has"), "{error}");
}
