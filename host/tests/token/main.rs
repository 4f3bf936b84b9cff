//! The broker under paused time.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod failing;
mod sharing;
mod world;

use std::{collections::BTreeSet, sync::atomic::Ordering::SeqCst, time::Duration};

use provisionhook_host::{
    capability::{Scope, Sharing},
    fault::FaultKind,
    token::{BrokerSettings, Provider, TokenErrorKind},
};

use world::{DOWN, HOUR, Reply, World, call, pass};

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_cause_one_call() {
    let world = World::new(Reply::Token {
        life: 3_600,
        after: 2,
    });
    let callers: Vec<_> = (0..1_000).map(|_| world.ask_apart(call("w"))).collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), "token-1");
    }
    assert_eq!(world.since_start(), Duration::from_secs(2));
    assert_eq!(world.ask("w").await.unwrap(), "token-1");
    assert_eq!(world.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_of_its_expiry_and_nobody_waits_for_it() {
    let world = World::new(Reply::Token {
        life: 3_600,
        after: 2,
    });
    world.ask("w").await.unwrap();
    // It can be handed out for 3,540 s; three quarters of that are 2,655 s, nine tenths 3,186 s.
    pass(2_650.0).await;
    assert_eq!(world.ask("w").await.unwrap(), "token-1");
    pass(1.0).await;
    assert_eq!(world.calls(), 1, "renewed too early");

    pass(540.0).await;
    let before = world.since_start();
    for _ in 0..100 {
        assert_eq!(world.ask("w").await.unwrap(), "token-1");
    }
    assert_eq!(world.since_start(), before, "somebody waited");
    pass(3.0).await;
    assert_eq!(world.ask("w").await.unwrap(), "token-2");
    assert_eq!(world.calls(), 2, "a hundred asks renew once");
}

#[tokio::test(start_paused = true)]
async fn tokens_made_together_are_not_renewed_together() {
    let world = World::new(HOUR);
    let scopes: Vec<_> = (0..100)
        .map(|n| Scope {
            audience: format!("host-{n}"),
            ..Scope::default()
        })
        .collect();
    let call = call("w");
    while world.since_start() < Duration::from_secs(3_200) {
        for scope in &scopes {
            world.ask_with(&call, scope).await.unwrap();
        }
        pass(10.0).await;
    }
    let heard = world.upstream.heard.lock().unwrap();
    let renewed: Vec<_> = heard
        .iter()
        .skip(100)
        .map(|(when, ..)| when.as_secs())
        .collect();
    assert_eq!(renewed.len(), 100);
    assert!(
        renewed.iter().all(|when| (2_655..=3_196).contains(when)),
        "{renewed:?}"
    );
    assert!(
        renewed.iter().collect::<BTreeSet<_>>().len() > 20,
        "{renewed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_never_handed_out_inside_the_margin() {
    let world = World::new(HOUR);
    world.ask("w").await.unwrap();
    world.says(DOWN);
    pass(3_539.9).await;
    assert_eq!(world.ask("w").await.unwrap(), "token-1");
    pass(0.2).await;
    let error = world.ask("w").await.unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::Transient);
    assert_eq!(
        error.to_string(),
        "token provider \"github\": the upstream said no"
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_wall_clock_revives_no_dead_token() {
    let world = World::new(HOUR);
    world.ask("w").await.unwrap();
    world.wall_off.store(-7_200_000, SeqCst);
    pass(3_550.0).await;
    assert_eq!(
        world.ask("w").await.unwrap(),
        "token-2",
        "set back, the monotonic clock decides"
    );
    world.wall_off.store(0, SeqCst);
    assert_eq!(
        world.ask("w").await.unwrap(),
        "token-3",
        "set forward, the wall clock decides"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_none_is_refused() {
    for (reply, kind) in [
        (Reply::Value(""), TokenErrorKind::EmptyToken),
        (
            Reply::Token { life: -5, after: 0 },
            TokenErrorKind::ExpiresTooSoon { left: -5, skew: 60 },
        ),
        (
            Reply::Token { life: 60, after: 0 },
            TokenErrorKind::ExpiresTooSoon { left: 60, skew: 60 },
        ),
        (
            Reply::Token {
                life: 400 * 24 * 3_600,
                after: 0,
            },
            TokenErrorKind::ExpiresTooLate {
                days: 400,
                most: 366,
            },
        ),
    ] {
        let error = World::new(reply).ask("w").await.unwrap_err();
        assert_eq!((error.kind, error.provider.as_str()), (kind, "github"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_without_expiry_is_asked_for_again_after_five_minutes() {
    let world = World::new(Reply::Value("abc"));
    world.ask("w").await.unwrap();
    pass(200.0).await;
    world.ask("w").await.unwrap();
    assert_eq!(world.calls(), 1);
    pass(101.0).await;
    world.ask("w").await.unwrap();
    assert_eq!(world.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_erased_token_is_replaced_at_once_and_then_at_most_each_five_seconds() {
    let world = World::new(HOUR);
    assert_eq!(world.ask("w").await.unwrap(), "token-1");
    assert!(!world.broker.erase("github", "token-9") && !world.broker.erase("other", "token-1"));
    assert_eq!(world.ask("w").await.unwrap(), "token-1");

    pass(10.0).await;
    for number in 2..6 {
        assert!(
            world
                .broker
                .erase("github", &format!("token-{}", number - 1))
        );
        assert_eq!(world.ask("w").await.unwrap(), format!("token-{number}"));
    }
    let heard: Vec<_> = world
        .upstream
        .heard
        .lock()
        .unwrap()
        .iter()
        .map(|(when, ..)| when.as_secs())
        .collect();
    assert_eq!(heard, [0, 10, 15, 20, 25]);
    // Who waits for its turn waits on nobody's time.
    let given = world.upstream.given.lock().unwrap();
    assert_eq!(*given, [Provider::DEFAULT_BUDGET; 5]);
}

#[tokio::test(start_paused = true)]
async fn the_flight_survives_the_caller_that_started_it() {
    let world = World::new(Reply::Token {
        life: 3_600,
        after: 5,
    });
    let first = world.ask_apart(call("w"));
    pass(1.0).await;
    let second = world.ask_apart(call("w"));
    pass(1.0).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(second.await.unwrap().unwrap(), "token-1");
    assert_eq!(world.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_no_longer_than_its_deadline() {
    let world = World::new(Reply::Token {
        life: 3_600,
        after: 5,
    });
    let mut hasty = call("w");
    hasty.deadline = Some((tokio::time::Instant::now() + Duration::from_secs(2)).into_std());
    let error = world.ask_with(&hasty, &Scope::default()).await.unwrap_err();
    assert_eq!(
        (error.kind, world.since_start()),
        (TokenErrorKind::CallerTimedOut, Duration::from_secs(2))
    );
    assert_eq!(world.ask("w").await.unwrap(), "token-1");
    assert_eq!(
        (world.calls(), world.since_start()),
        (1, Duration::from_secs(5))
    );
}

#[test]
fn a_flight_that_died_with_its_runtime_hinders_nobody() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let first = runtime();
    let world = first.block_on(async {
        let world = World::with(
            Reply::Hang,
            Sharing::PerWorkspace,
            BrokerSettings::default(),
        );
        let _caller = world.ask_apart(call("w"));
        pass(1.0).await;
        world
    });
    assert_eq!(world.calls(), 1);
    drop(first);
    world.says(Reply::Value("abc"));
    assert_eq!(runtime().block_on(world.ask("w")).unwrap(), "abc");
}

#[tokio::test(start_paused = true)]
async fn a_token_stays_out_of_the_logs_while_it_lives_even_if_it_is_no_longer_handed_out() {
    let world = World::new(HOUR);
    world.ask("w").await.unwrap();
    assert_eq!(world.redactor.scrub("got token-1"), "got [redacted]");
    world.broker.erase("github", "token-1");
    world.ask("w").await.unwrap();
    assert_eq!(
        world.redactor.scrub("got token-1, token-2"),
        "got [redacted], [redacted]"
    );
    world.broker.end_workspace("w");
    assert_eq!(
        world.redactor.scrub("got token-1, token-2"),
        "got token-1, token-2"
    );
}
