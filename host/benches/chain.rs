//! What a run costs, beside the same work by static calls on a `HashMap`.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{collections::HashMap, hint::black_box, sync::Arc, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use provisionhook_host::{
    call::Call,
    capability::{EnvMutator, Outcome},
    chain::{Scratch, Settings, apply, run},
    env::{BaseEnv, BaseOrigin, Edits, KeyPattern, KeyRules},
    registry::{Plugin, Registry},
    secret::Secret,
};
use tokio::runtime::{Builder, Runtime};

const KEYS: [&str; 2] = ["GITHUB_TOKEN", "GH_TOKEN"];
const VALUE: &str = "ghs_0123456789abcdefghijABCDEFGHIJ012345";

/// Sets two variables.
struct SetsTwo;

impl EnvMutator for SetsTwo {
    fn mutate<'a>(&'a self, _: &'a Call, edits: &'a mut Edits) -> Outcome<'a, ()> {
        for key in KEYS {
            edits.set(key, black_box(VALUE), true).unwrap();
        }
        Outcome::Ready(Ok(()))
    }
}

/// The static call: what the plugin would be if it were compiled in and nobody checked anything.
#[inline(never)]
fn static_call(env: &mut HashMap<String, String>) {
    for key in KEYS {
        env.insert(black_box(key).to_owned(), black_box(VALUE).to_owned());
    }
}

fn registry(plugins: usize) -> Registry {
    let registry = Registry::new();
    let patterns: Vec<_> = KEYS
        .iter()
        .map(|key| KeyPattern::parse(key).unwrap())
        .collect();
    let keys = Arc::new(KeyRules::new(Vec::new(), patterns.clone(), patterns));
    for index in 0..plugins {
        let (keys, mutator) = (
            Arc::clone(&keys),
            Some(Arc::new(SetsTwo) as Arc<dyn EnvMutator>),
        );
        registry.register(Plugin {
            keys,
            mutator,
            ..Plugin::in_code(format!("p{index}"))
        });
    }
    registry
}

fn base(variables: usize) -> Arc<BaseEnv> {
    let mut base = BaseEnv::new();
    for index in 0..variables {
        base.insert(
            BaseOrigin::Workspace,
            &format!("VARIABLE_{index}"),
            Secret::new("value"),
            false,
        )
        .unwrap();
    }
    Arc::new(base)
}

fn hash_map(variables: usize) -> HashMap<String, String> {
    (0..variables)
        .map(|index| (format!("VARIABLE_{index}"), "value".to_owned()))
        .collect()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// Many runs in one `block_on`, so that its price is in none of them.
fn runs(bencher: &mut criterion::Bencher<'_>, registry: &Registry, base: &Arc<BaseEnv>) {
    let (runtime, snapshot, settings) = (runtime(), registry.snapshot(), Settings::default());
    let call = Call {
        deadline: Some(std::time::Instant::now() + Duration::from_secs(3600)),
        ..Call::default()
    };
    bencher.iter_custom(|times| {
        runtime.block_on(async {
            let mut scratch = Scratch::default();
            let begun = std::time::Instant::now();
            for _ in 0..times {
                scratch = apply(scratch, &snapshot, Arc::clone(base), &call, &settings)
                    .await
                    .unwrap();
            }
            begun.elapsed()
        })
    });
}

fn chain_length(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chain");
    let base = base(20);
    for plugins in [1, 10, 100] {
        let registry = registry(plugins);
        group.bench_function(BenchmarkId::new("apply", plugins), |bencher| {
            runs(bencher, &registry, &base)
        });
        group.bench_function(BenchmarkId::new("static", plugins), |bencher| {
            let mut env = hash_map(20);
            bencher.iter(|| (0..plugins).for_each(|_| static_call(black_box(&mut env))));
        });
    }
    group.finish();
}

fn environment_size(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("environment");
    let registry = registry(1);
    for variables in [10, 100, 1000] {
        let base = base(variables);
        group.bench_function(BenchmarkId::new("apply", variables), |bencher| {
            runs(bencher, &registry, &base)
        });
        group.bench_function(BenchmarkId::new("static", variables), |bencher| {
            let mut env = hash_map(variables);
            bencher.iter(|| static_call(black_box(&mut env)));
        });
        group.bench_function(
            BenchmarkId::new("run, with environment and provenance", variables),
            |bencher| {
                let (runtime, snapshot, settings, call) = (
                    runtime(),
                    registry.snapshot(),
                    Settings::default(),
                    Call::default(),
                );
                bencher.iter(|| {
                    runtime
                        .block_on(run(&snapshot, Arc::clone(&base), &call, &settings))
                        .unwrap()
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, chain_length, environment_size);
criterion_main!(benches);
