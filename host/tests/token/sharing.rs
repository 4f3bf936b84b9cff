//! Who gets whose token, and how many are kept.

use std::{sync::Arc, time::Duration};

use provisionhook_host::{
    call::Call,
    capability::{Scope, Sharing},
    fault::FaultKind,
    registry::Plugin,
    token::{BrokerSettings, Provider},
};

use crate::world::{HOUR, Reply, World, call, pass};

#[tokio::test(start_paused = true)]
async fn a_workspace_never_gets_the_token_of_another() {
    let world = World::new(HOUR);
    let mut seen = Vec::new();
    for workspace in ["a", "b", "", "a", "b", ""] {
        seen.push(world.ask(workspace).await.unwrap());
    }
    assert_eq!(
        seen,
        [
            "token-1", "token-2", "token-3", "token-1", "token-2", "token-3"
        ]
    );
    let heard = world.upstream.heard.lock().unwrap();
    let asked_for: Vec<_> = heard
        .iter()
        .map(|(_, workspace, _)| workspace.as_str())
        .collect();
    assert_eq!(asked_for, ["a", "b", ""]);
}

#[tokio::test(start_paused = true)]
async fn a_shared_token_serves_all_and_its_provider_learns_of_none() {
    let world = World::with(HOUR, Sharing::PerScope, BrokerSettings::default());
    for number in 0..1_000 {
        assert_eq!(world.ask(&number.to_string()).await.unwrap(), "token-1");
    }
    let heard = world.upstream.heard.lock().unwrap();
    assert!(heard.len() == 1 && heard[0].1.is_empty(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn each_scope_has_its_token() {
    let world = World::with(HOUR, Sharing::PerScope, BrokerSettings::default());
    let wide = Scope::default();
    let narrow = Scope {
        repositories: vec!["acme/site".to_owned()],
        ..Scope::default()
    };
    let read = Scope {
        permissions: vec![("contents".to_owned(), "read".to_owned())],
        ..narrow.clone()
    };
    let mut seen = Vec::new();
    for scope in [&wide, &narrow, &read, &narrow] {
        seen.push(world.ask_with(&call("w"), scope).await.unwrap());
    }
    assert_eq!(seen, ["token-1", "token-2", "token-3", "token-2"]);
    assert_eq!(world.upstream.heard.lock().unwrap()[2].2, read);
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_ended_is_forgotten() {
    let world = World::new(HOUR);
    world.ask("a").await.unwrap();
    world.ask("b").await.unwrap();
    world.broker.end_workspace("a");
    assert_eq!(world.broker.len(), 1);
    assert_eq!(world.ask("b").await.unwrap(), "token-2");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_for_a_workspace_that_has_ended_until_it_begins_again() {
    let world = World::new(HOUR);
    world.ask("a").await.unwrap();
    world.broker.end_workspace("a");
    for _ in 0..2 {
        let error = world.ask("a").await.unwrap_err();
        assert!(error.to_string().contains("one that has ended"), "{error}");
    }
    assert_eq!((world.calls(), world.broker.len()), (1, 0));
    world.broker.begin_workspace("a");
    assert_eq!(world.ask("a").await.unwrap(), "token-2");
}

#[tokio::test(start_paused = true)]
async fn who_cleans_up_can_wait_for_a_token_that_is_on_its_way() {
    let world = World::new(Reply::Token {
        life: 3_600,
        after: 5,
    });
    let asks = world.ask_apart(call("a"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.calls(), 1);
    world.broker.quiet("b").await;
    world.broker.end_workspace("a");
    assert_eq!(world.since_start(), Duration::from_secs(1));
    world.broker.quiet("a").await;
    assert_eq!(world.since_start(), Duration::from_secs(5));
    asks.await.unwrap().unwrap();
    assert!(world.broker.is_empty(), "it is not kept");
    world.broker.quiet("a").await;
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_bounded_and_keeps_what_is_used() {
    let settings = BrokerSettings {
        capacity: 8,
        ..BrokerSettings::default()
    };
    let world = World::with(HOUR, Sharing::PerWorkspace, settings);
    for number in 0..50 {
        assert_eq!(
            world.ask("mine").await.unwrap(),
            "token-1",
            "pushed out by workspace {number}"
        );
        world.ask(&number.to_string()).await.unwrap();
        pass(2.0).await;
    }
    assert_eq!(world.broker.len(), 8);
    assert!(!world.broker.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_plugin_serves_only_the_workspaces_that_its_selector_covers() {
    let world = World::new(HOUR);
    let mut plugin = Plugin {
        tokens: Some(world.upstream.clone()),
        ..Plugin::in_code("github")
    };
    plugin.policy.selector.tenants = vec!["acme".to_owned()];
    let provider = Provider::of(&Arc::new(plugin)).unwrap();

    let mut call = call("w");
    let error = world
        .broker
        .token(&provider, &call, &Scope::default())
        .await
        .unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::Denied);
    assert_eq!(world.calls(), 0);
    call.attributes.tenant = "acme".to_owned();
    world
        .broker
        .token(&provider, &call, &Scope::default())
        .await
        .unwrap();
    // A token that is cached is no way around the selector either.
    call.attributes.tenant = "other".to_owned();
    world
        .broker
        .token(&provider, &call, &Scope::default())
        .await
        .unwrap_err();
    world
        .broker
        .token(&provider, &Call::default(), &Scope::default())
        .await
        .unwrap();
}
