//! A `mutate` call with everything on (checks of keys and values, provenance, deadline, counters, breaker), beside a
//! static call that sets the same two variables in a `HashMap`.

use std::{
    collections::HashMap,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use criterion::{Bencher, BenchmarkId, Criterion};
use provisionhook_host::{
    chain::{Scratch, Settings, apply},
    env::{BaseEnv, BaseOrigin},
    registry::{Plugin, Registry},
    secret::Secret,
};

use crate::world;

const KEYS: [&str; 2] = ["FIXTURE_TOKEN", "FIXTURE_KEY"];
const VALUE: &str = "ghs_0123456789abcdefghijABCDEFGHIJ012345";

/// Variables that are there before.
const VARIABLES: usize = 20;

pub(crate) fn benches(criterion: &mut Criterion) {
    let runtime = world::runtime();
    let plugins = world::in_c_and_rust(&world::services(&runtime));
    let mut group = criterion.benchmark_group("mutate");
    for calls in [1, 10] {
        group.bench_function(BenchmarkId::new("static HashMap", calls), |bencher| {
            let mut env: HashMap<String, String> = (0..VARIABLES)
                .map(|index| (format!("VARIABLE_{index}"), "value".to_owned()))
                .collect();
            bencher.iter(|| (0..calls).for_each(|_| static_call(black_box(&mut env))));
        });
        for (language, plugin) in &plugins {
            let id = BenchmarkId::new(format!("run of {language} plugin"), calls);
            group.bench_function(id, |bencher| runs(bencher, plugin, calls));
        }
    }
    group.finish();
}

/// What the plugin would be if it were compiled in and nobody checked anything.
#[inline(never)]
fn static_call(env: &mut HashMap<String, String>) {
    for key in KEYS {
        env.insert(black_box(key).to_owned(), black_box(VALUE).to_owned());
    }
}

/// Runs of a chain that has the plugin in it `calls` times.
fn runs(bencher: &mut Bencher<'_>, plugin: &Arc<Plugin>, calls: usize) {
    let registry = Registry::new();
    for _ in 0..calls {
        registry.register(Arc::clone(plugin));
    }
    let (snapshot, settings, call) = (registry.snapshot(), Settings::default(), world::call());
    let mut base = BaseEnv::new();
    for index in 0..VARIABLES {
        let key = format!("VARIABLE_{index}");
        let value = Secret::new("value");
        base.insert(BaseOrigin::Workspace, &key, value, false)
            .unwrap();
    }
    let base = Arc::new(base);
    let mut scratch = Scratch::default();
    bencher.iter(|| {
        let last = std::mem::take(&mut scratch);
        let run = pin!(apply(last, &snapshot, Arc::clone(&base), &call, &settings));
        match run.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(run) => scratch = run.unwrap(),
            Poll::Pending => panic!("the plugin is inline"),
        }
    });
    assert_eq!(scratch.edits().len(), calls * KEYS.len());
}
