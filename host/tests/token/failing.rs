//! What happens when the provider fails.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use provisionhook_host::{
    capability::Scope,
    fault::FaultKind,
    health::{BreakerState, LONGEST_BACK_OFF},
    registry::Plugin,
    token::{Provider, TokenErrorKind},
};

use crate::world::{DOWN, HOUR, Reply, World, call, pass};

#[tokio::test(start_paused = true)]
async fn a_good_token_is_served_while_the_upstream_is_down_and_it_is_asked_less_and_less() {
    let world = World::new(HOUR);
    world.ask("w").await.unwrap();
    world.says(DOWN);
    pass(3_186.0).await;
    for _ in 0..340 {
        assert_eq!(world.ask("w").await.unwrap(), "token-1");
        pass(1.0).await;
    }
    let heard: Vec<_> = world
        .upstream
        .heard
        .lock()
        .unwrap()
        .iter()
        .skip(1)
        .map(|(when, ..)| *when)
        .collect();
    // 1, 2, 4, … 32, 60, 60, … seconds, each by half at most shorter: between 9 and 17 tries.
    assert!((9..=18).contains(&heard.len()), "{heard:?}");
    let longest = heard
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .max()
        .unwrap();
    assert!(
        longest >= Duration::from_secs(25) && longest <= Duration::from_secs(62),
        "{heard:?}"
    );

    world.says(HOUR);
    pass(61.0).await;
    let token = world.ask("w").await.unwrap();
    assert_ne!(token, "token-1", "it was past its margin by now");
}

#[tokio::test(start_paused = true)]
async fn it_recovers_while_the_old_token_still_lives() {
    let world = World::new(HOUR);
    world.ask("w").await.unwrap();
    world.says(DOWN);
    pass(3_190.0).await;
    assert_eq!(world.ask("w").await.unwrap(), "token-1");
    pass(0.1).await;
    assert_eq!(world.calls(), 2);
    world.says(HOUR);
    pass(2.0).await;
    assert_eq!(world.ask("w").await.unwrap(), "token-1");
    pass(0.1).await;
    assert_eq!(world.ask("w").await.unwrap(), "token-3");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_repeated_for_a_moment_without_asking_again() {
    let world = World::new(DOWN);
    for _ in 0..100 {
        world.ask("w").await.unwrap_err();
    }
    assert_eq!(world.calls(), 1);
    // However often it failed, the next real try is at most 5 s away.
    for round in 2..12 {
        pass(5.0).await;
        for _ in 0..10 {
            world.ask("w").await.unwrap_err();
        }
        assert_eq!(world.calls(), round);
    }
    world.says(HOUR);
    pass(5.0).await;
    world.ask("w").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_wants_to_be_left_alone_is() {
    let world = World::new(Reply::Fault(
        FaultKind::Transient,
        Some(Duration::from_secs(90)),
    ));
    while world.since_start() < Duration::from_secs(180) {
        assert_eq!(
            world.ask("w").await.unwrap_err().retry_after(),
            Some(Duration::from_secs(90))
        );
        pass(1.0).await;
    }
    let heard: Vec<_> = world
        .upstream
        .heard
        .lock()
        .unwrap()
        .iter()
        .map(|(when, ..)| when.as_secs())
        .collect();
    assert_eq!(heard, [0, 90]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_the_call_and_nothing_else() {
    for reply in [Reply::PanicAtOnce, Reply::PanicLater] {
        let world = World::new(reply);
        let callers: Vec<_> = (0..10).map(|_| world.ask_apart(call("w"))).collect();
        for caller in callers {
            assert_eq!(
                caller.await.unwrap().unwrap_err().fault_kind(),
                FaultKind::Panicked
            );
        }
        world.says(HOUR);
        pass(5.0).await;
        assert_eq!(world.ask("w").await.unwrap(), "token-2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_is_given_up_and_dropped() {
    let world = World::new(Reply::Hang);
    let error = world.ask("w").await.unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::TimedOut);
    assert!(matches!(error.kind, TokenErrorKind::Provider(_)));
    assert_eq!(world.since_start(), Duration::from_secs(10));
    pass(0.1).await;
    assert_eq!(world.upstream.dropped.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn each_call_counts_in_the_health_of_its_plugin_and_an_open_breaker_stops_calls() {
    let world = World::new(HOUR);
    let plugin = Arc::new(Plugin {
        tokens: Some(world.upstream.clone()),
        ..Plugin::in_code("github")
    });
    let provider = Provider::of(&plugin).unwrap();
    let ask = async |workspace: &str| {
        world
            .broker
            .token(&provider, &call(workspace), &Scope::default())
            .await
    };

    ask("good").await.unwrap();
    ask("good").await.unwrap();
    for (reply, kind) in [
        (DOWN, "transient"),
        (Reply::PanicAtOnce, "panicked"),
        (Reply::PanicLater, "panicked"),
        (Reply::Hang, "timed_out"),
    ] {
        world.says(reply);
        let error = ask(&format!("{kind}-{}", world.calls())).await.unwrap_err();
        assert_eq!(error.fault_kind().as_str(), kind);
        pass(0.1).await;
    }
    let report = plugin.health.report();
    assert_eq!(report.calls, 5, "a cached token is no call");
    assert_eq!(
        (
            report.faults["transient"],
            report.faults["panicked"],
            report.faults["timed_out"]
        ),
        (1, 2, 1)
    );

    world.says(HOUR);
    assert_eq!(report.breaker, BreakerState::Open);
    let error = ask("late").await.unwrap_err();
    assert_eq!(
        (error.fault_kind(), world.calls()),
        (FaultKind::TimedOut, 5)
    );
    pass(LONGEST_BACK_OFF.as_secs_f64()).await;
    ask("late").await.unwrap();
}
