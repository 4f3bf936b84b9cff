//! Running together changes nothing but the time.

use std::time::Duration;

use proptest::prelude::*;
use provisionhook_host::{
    chain::ChainOutcome,
    env::{KeyPattern, KeyRules},
    fault::{Fault, FaultKind},
    manifest::Execution,
    policy::{OnTransient, PluginPolicy},
    registry::{Plugin, Registry},
};

use super::*;

/// What a made-up plugin declares and does.
#[derive(Clone, Debug)]
struct Script {
    reads: Vec<u8>,
    writes: Vec<u8>,
    secret: bool,
    waits_ms: Option<u64>,
    fault: Option<FaultKind>,
    fail_on_transient: bool,
    oversteps: bool,
}

fn script() -> impl Strategy<Value = Script> {
    let kind = prop_oneof![
        12 => Just(None),
        2 => Just(Some(FaultKind::Transient)),
        1 => Just(Some(FaultKind::Denied)),
    ];
    let keys = || proptest::collection::vec(0..8u8, 0..3);
    (
        keys(),
        keys(),
        any::<bool>(),
        proptest::option::weighted(0.7, 0..50u64),
        kind,
        any::<bool>(),
        prop::bool::weighted(0.03),
    )
        .prop_map(
            |(reads, writes, secret, waits_ms, fault, fail_on_transient, oversteps)| Script {
                reads,
                writes,
                secret,
                waits_ms,
                fault,
                fail_on_transient,
                oversteps,
            },
        )
}

fn name(key: u8) -> String {
    format!("V{key}")
}

impl Script {
    /// Appends to each variable that it writes what it reads from all that it may read: the outcome tells the order.
    ///
    /// # Errors
    /// The script wants it to fail.
    fn act(&self, index: usize, edits: &mut Edits) -> Result<(), Fault> {
        let mut seen = format!("{index}:");
        for key in self.reads.iter().chain(&self.writes) {
            seen.push_str(edits.get(&name(*key)).unwrap().unwrap_or("-"));
        }
        seen.truncate(200);
        for key in &self.writes {
            edits.set(&name(*key), &seen, self.secret).unwrap();
        }
        if self.oversteps {
            let _ = edits.set("ELSEWHERE", "x", false);
        }
        self.fault.map_or(Ok(()), |kind| {
            Err(Fault::new(kind, format!("fault of {index}")))
        })
    }

    fn plugin(&self, index: usize, together: bool) -> Plugin {
        let patterns = |keys: &[u8]| {
            keys.iter()
                .map(|key| KeyPattern::parse(&name(*key)).unwrap())
                .collect()
        };
        let script = self.clone();
        let act = move |_: &Call, edits: &mut Edits| script.act(index, edits);
        let mutator: Arc<dyn EnvMutator> = match self.waits_ms {
            Some(wait) => Arc::new(Slow(Duration::from_millis(wait), act)),
            None => Arc::new(Inline(act)),
        };
        let on_transient = if self.fail_on_transient {
            OnTransient::Fail
        } else {
            OnTransient::Skip
        };
        Plugin {
            execution: if together && self.waits_ms.is_some() {
                Execution::Async
            } else {
                Execution::Inline
            },
            keys: Arc::new(KeyRules::new(
                patterns(&self.reads),
                patterns(&self.writes),
                Vec::new(),
            )),
            policy: PluginPolicy {
                on_transient,
                ..PluginPolicy::default()
            },
            ..plugin(&format!("p{index}"), Some(mutator))
        }
    }
}

/// All but how long it took.
///
/// # Errors
/// As `run`.
fn run_scripts(scripts: &[Script], together: bool) -> Result<ChainOutcome, ChainError> {
    let registry = Registry::new();
    for (index, script) in scripts.iter().enumerate() {
        registry.register(script.plugin(index, together));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut result = runtime.block_on(run_all(&registry, base([("V0", "u0"), ("V1", "u1")])));
    let steps = match &mut result {
        Ok(outcome) => &mut outcome.steps,
        Err(error) => &mut error.steps,
    };
    steps.iter_mut().for_each(|step| step.took = Duration::ZERO);
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn together_comes_to_the_same_as_in_order(scripts in proptest::collection::vec(script(), 0..8)) {
        prop_assert_eq!(run_scripts(&scripts, true), run_scripts(&scripts, false));
    }
}

fn independent(key: u8, waits_ms: u64, fault: Option<FaultKind>) -> Script {
    Script {
        reads: Vec::new(),
        writes: vec![key],
        secret: false,
        waits_ms: Some(waits_ms),
        fault,
        fail_on_transient: false,
        oversteps: false,
    }
}

#[tokio::test(start_paused = true)]
async fn independent_plugins_wait_at_the_same_time() {
    for (together, expected) in [(true, 1000), (false, 3000)] {
        let registry = Registry::new();
        for index in 0..3u8 {
            registry.register(independent(index + 2, 1000, None).plugin(index.into(), together));
        }
        let begun = tokio::time::Instant::now();
        assert_eq!(run_all(&registry, base([])).await.unwrap().env.len(), 3);
        let took = begun.elapsed().as_millis();
        assert!((expected..expected + 10).contains(&took), "{took}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_does_not_wait_for_those_behind_it() {
    let registry = Registry::new();
    registry.register(independent(2, 100, None).plugin(0, true));
    registry.register(independent(3, 10, Some(FaultKind::Denied)).plugin(1, true));
    registry.register(independent(4, 9000, None).plugin(2, true));
    let begun = tokio::time::Instant::now();
    let error = run_all(&registry, base([])).await.unwrap_err();
    assert_eq!(error.plugin, "p1");
    let took = begun.elapsed().as_millis();
    assert!(
        (100..200).contains(&took),
        "it waits for the one in front, which may fail too: {took}"
    );
}
