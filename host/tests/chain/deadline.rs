//! Budgets, the deadline, stuck plugins and the breaker. Time is paused where no thread is blocked.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    call::Call,
    chain::{Settings, run, run_within},
    fault::FaultKind,
    health::{BreakerState, FIRST_BACK_OFF, TRIP_AFTER},
    policy::PluginPolicy,
    registry::{Plugin, Registry},
};

use super::*;

fn slow(name: &str, wait: Duration, budget: Option<Duration>) -> Plugin {
    let mutator: Arc<dyn EnvMutator> = Arc::new(Slow(wait, |_: &Call, edits: &mut Edits| {
        edits.set("SLOW", "done", false).unwrap();
        Ok(())
    }));
    Plugin {
        policy: PluginPolicy {
            budget,
            ..PluginPolicy::default()
        },
        ..plugin(name, Some(mutator))
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_has_its_own_budget() {
    let registry = Registry::new();
    registry.register(slow(
        "patient",
        Duration::from_secs(4),
        Some(Duration::from_secs(5)),
    ));
    assert_eq!(
        pairs(&run_all(&registry, base([])).await.unwrap()),
        [("SLOW", "done")]
    );
    registry.register(slow(
        "late",
        Duration::from_secs(6),
        Some(Duration::from_secs(5)),
    ));
    let error = run_all(&registry, base([])).await.unwrap_err();
    assert_eq!(
        (error.plugin.as_str(), error.fault.kind),
        ("late", FaultKind::TimedOut)
    );
    assert!(
        error.to_string().contains("within its budget of 5s"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn all_plugins_share_the_deadline_of_the_run() {
    let registry = Registry::new();
    for name in ["one", "two", "three"] {
        registry.register(slow(name, Duration::from_secs(4), None));
    }
    let call = Call {
        deadline: Some(Instant::now() + Duration::from_secs(6)),
        ..Call::default()
    };
    let error = run(&registry.snapshot(), base([]), &call, &Settings::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.plugin.as_str(), error.fault.kind),
        ("two", FaultKind::TimedOut)
    );
    assert!(
        error
            .to_string()
            .contains("before the provision's deadline"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_is_called_after_the_deadline() {
    let trail = Trail::default();
    let registry = registry([("one", trail.step("one"))]);
    let call = Call {
        deadline: Some(Instant::now() - Duration::from_secs(1)),
        ..Call::default()
    };
    let error = run(&registry.snapshot(), base([]), &call, &Settings::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.fault.kind, trail.seen().len()),
        (FaultKind::TimedOut, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn timeouts_in_a_row_open_the_breaker_and_a_good_call_closes_it() {
    let registry = Registry::new();
    let wait = Arc::new(std::sync::atomic::AtomicU64::new(60));
    let shared = Arc::clone(&wait);
    struct Varying(Arc<std::sync::atomic::AtomicU64>);
    impl EnvMutator for Varying {
        fn mutate<'a>(&'a self, _: &'a Call, _: &'a mut Edits) -> Outcome<'a, ()> {
            let wait = Duration::from_secs(self.0.load(std::sync::atomic::Ordering::SeqCst));
            Outcome::Pending(Box::pin(async move {
                tokio::time::sleep(wait).await;
                Ok(())
            }))
        }
    }
    registry.register(plugin("hangs", Some(Arc::new(Varying(shared)))));
    for _ in 0..TRIP_AFTER {
        assert_eq!(
            run_all(&registry, base([])).await.unwrap_err().fault.kind,
            FaultKind::TimedOut
        );
    }
    let begun = tokio::time::Instant::now();
    let error = run_all(&registry, base([])).await.unwrap_err();
    assert_eq!(
        (error.fault.kind, begun.elapsed()),
        (FaultKind::TimedOut, Duration::ZERO),
        "fails at once"
    );
    assert!(
        error.to_string().contains("3 failed calls in a row"),
        "{error}"
    );
    let health = || registry.snapshot()[0].health.report();
    assert_eq!((health().breaker, health().calls), (BreakerState::Open, 3));
    wait.store(0, std::sync::atomic::Ordering::SeqCst);
    tokio::time::advance(FIRST_BACK_OFF).await;
    assert_eq!(health().breaker, BreakerState::HalfOpen);
    run_all(&registry, base([])).await.unwrap();
    assert_eq!(health().breaker, BreakerState::Closed);
}

/// Waits for real, up to a limit.
fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_plugin_that_never_returns_costs_its_own_thread_and_no_more() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let (release, block) = mpsc::channel::<()>();
    let block = Mutex::new(block);
    let registry = registry([
        ("fine", sets("A", "1")),
        (
            "stuck",
            mutator(move |_, _| {
                let _ = block.lock().unwrap().recv();
                Ok(())
            }),
        ),
    ]);
    let provision = |budget| {
        let caller = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (snapshot, call) = (registry.snapshot(), Call::default());
        caller.block_on(run_within(
            runtime.handle(),
            budget,
            snapshot,
            base([]),
            call,
            Settings::default(),
        ))
    };
    let error = provision(Duration::from_millis(50)).unwrap_err();
    assert_eq!(
        (error.plugin.as_str(), error.fault.kind),
        ("stuck", FaultKind::TimedOut)
    );
    assert!(error.to_string().contains("its thread is lost"), "{error}");
    let health = || registry.snapshot()[1].health.report();
    assert_eq!((health().breaker, health().stuck), (BreakerState::Open, 1));

    let error = provision(Duration::from_secs(600)).unwrap_err();
    assert!(
        error.to_string().contains("never returned"),
        "the next one is kept out: {error}"
    );

    release.send(()).unwrap();
    until("the call is known to have returned", || health().stuck == 0);
    drop(release);
    until("the breaker lets a probe through", || {
        health().breaker == BreakerState::HalfOpen
    });
    assert_eq!(
        pairs(&provision(Duration::from_secs(600)).unwrap()),
        [("A", "1")]
    );
    assert_eq!(health().breaker, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_run_within_a_budget_reports_a_pending_plugin_as_timed_out_not_stuck() {
    let registry = Registry::new();
    registry.register(slow("late", Duration::from_secs(9), None));
    let handle = tokio::runtime::Handle::current();
    let budget = Duration::from_secs(3);
    let error = run_within(
        &handle,
        budget,
        registry.snapshot(),
        base([]),
        Call::default(),
        Settings::default(),
    )
    .await
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("before the provision's deadline"),
        "{error}"
    );
    assert_eq!(registry.snapshot()[0].health.report().stuck, 0);
}
