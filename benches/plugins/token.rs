//! A token: from the broker's cache, and from the plugin itself, beside a copy of one at hand.

use std::{
    hint::black_box,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use criterion::Criterion;
use provisionhook_host::{
    call::Call,
    capability::{Outcome, Scope, Token},
    redact::Redactor,
    registry::Plugin,
    token::{Broker, BrokerSettings, Provider},
};

use crate::world;

pub(crate) fn benches(criterion: &mut Criterion) {
    let runtime = world::runtime();
    let plugins = world::in_c_and_rust(&world::services(&runtime));
    let (call, scope) = (world::call(), scope());
    let mut group = criterion.benchmark_group("token");
    let token = made(&plugins[0].1, &call, &scope);
    group.bench_function("static clone", |bencher| {
        bencher.iter(|| black_box(&token).clone());
    });
    let broker = Broker::new(BrokerSettings::default(), Redactor::new());
    let provider = Provider::of(&plugins[0].1).unwrap();
    runtime
        .block_on(broker.token(&provider, &call, &scope))
        .unwrap();
    group.bench_function("cached by the broker", |bencher| {
        bencher.iter(|| {
            let mut asked = std::pin::pin!(broker.token(&provider, black_box(&call), &scope));
            match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(token) => token.unwrap(),
                Poll::Pending => panic!("the token is cached"),
            }
        });
    });
    for (language, plugin) in &plugins {
        group.bench_function(format!("uncached, {language} plugin"), |bencher| {
            bencher.iter(|| made(black_box(plugin), &call, &scope));
        });
    }
    group.finish();
}

fn scope() -> Scope {
    Scope {
        repositories: vec!["acme/site".to_owned()],
        ..Scope::default()
    }
}

fn made(plugin: &Arc<Plugin>, call: &Call, scope: &Scope) -> Token {
    match plugin.tokens.as_ref().unwrap().token(call, scope) {
        Outcome::Ready(token) => token.unwrap(),
        Outcome::Pending(_) => panic!("the plugin is inline"),
    }
}
