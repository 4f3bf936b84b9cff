//! What a cached token costs.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::{
    hint::black_box,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use criterion::{Criterion, criterion_group, criterion_main};
use provisionhook_host::{
    call::Call,
    capability::{Outcome, Scope, Sharing, Token, TokenProvider},
    redact::Redactor,
    secret::Secret,
    token::{Broker, BrokerSettings, Provider},
};

struct Fixed;

impl TokenProvider for Fixed {
    fn token<'a>(&'a self, _: &'a Call, _: &'a Scope) -> Outcome<'a, Token> {
        let expires_at = Some(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1));
        Outcome::Ready(Ok(Token {
            value: Secret::new("ghs_0123456789abcdef0123456789abcdef0123"),
            expires_at,
            username: None,
        }))
    }
}

fn cached(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let broker = Broker::new(BrokerSettings::default(), Redactor::new());
    let provider = Arc::new(Provider::new(
        "github",
        Arc::new(Fixed),
        Sharing::PerWorkspace,
        Provider::DEFAULT_BUDGET,
    ));
    let scope = Scope {
        repositories: vec!["acme/site".to_owned()],
        ..Scope::default()
    };
    let calls: Vec<Call> = (0..1_000)
        .map(|number| {
            let mut call = Call::default();
            call.attributes.workspace_id = format!("workspace-{number}");
            runtime
                .block_on(broker.token(&provider, &call, &scope))
                .unwrap();
            call
        })
        .collect();

    let hit = |call: &Call| {
        let mut asked = std::pin::pin!(broker.token(&provider, call, &scope));
        match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(token) => token.unwrap(),
            Poll::Pending => unreachable!("the token is cached"),
        }
    };
    criterion.bench_function("token/provider call", |bencher| {
        bencher.iter(|| match Fixed.token(black_box(&calls[0]), &scope) {
            Outcome::Ready(token) => token.unwrap(),
            Outcome::Pending(_) => unreachable!("the provider is inline"),
        });
    });
    criterion.bench_function("token/cached, one workspace", |bencher| {
        bencher.iter(|| hit(black_box(&calls[0])))
    });
    let mut next = calls.iter().cycle();
    criterion.bench_function("token/cached, 1,000 workspaces", |bencher| {
        bencher.iter(|| next.next().map(&hit));
    });
}

criterion_group!(benches, cached);
criterion_main!(benches);
