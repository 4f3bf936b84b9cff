//! What has happened to workspaces, as a list and as it happens.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use provisionhook_host::{
    events::{EventLog, Retention},
    fault::{Fault, FaultKind},
    http::Auth,
    store::{EventKind, NewEvent, WorkspaceState},
    workspace_id::WorkspaceId,
};
use serde_json::{Value, json};

use crate::{
    bench::{ADMIN, Plan, Platform},
    client,
    plugins::{mutator, setter},
    streams::EventSource,
};

const SECRET: &str = "a-secret-that-no-event-may-tell";

/// Puts this many events of one workspace on record.
async fn fill(platform: &Platform, count: usize) -> WorkspaceId {
    let (id, _) = platform.sh("sleep 60").await;
    for number in 0..count {
        let event = NewEvent::new(EventKind::ProvisionStep, &json!({"number": number}));
        platform.store.append(&id, event).await.unwrap();
    }
    id
}

async fn listed(platform: &Platform, id: &WorkspaceId, query: &str) -> Value {
    let path = format!("/workspaces/{id}/events{query}");
    let answer = platform.admin("GET", &path, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn kinds(events: &Value) -> Vec<&str> {
    let events = events["events"].as_array().unwrap().iter();
    events
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_workspace_is_told_without_a_value() {
    let plan = Plan::default();
    setter(&plan.registry, "vault", "TOKEN", SECRET, true);
    mutator(&plan.registry, "flaky", |_, _| {
        Err(Fault::new(FaultKind::Transient, SECRET))
    });
    let platform = plan.start().await;
    let request = json!({"name": "demo", "tenant": "acme", "command": ["sh", "-c", "exit 3"], "env": {"MINE": SECRET}});
    let created = platform.admin("POST", "/workspaces", Some(request)).await;
    let id: WorkspaceId = created.json()["id"].as_str().unwrap().parse().unwrap();
    platform.reaches(&id, WorkspaceState::Stopped).await;
    let restarted = format!("/workspaces/{id}/restart");
    platform.admin("POST", &restarted, None).await;
    platform.reaches(&id, WorkspaceState::Stopped).await;
    let path = format!("/workspaces/{id}");
    assert_eq!(platform.admin("DELETE", &path, None).await.status, 204);

    let events = listed(&platform, &id, "").await;
    let run = [
        "provision.step",
        "provision.step",
        "workspace.running",
        "workspace.stopped",
    ];
    let wanted = [
        &["workspace.created"][..],
        &run,
        &["workspace.provisioning"],
        &run,
        &["workspace.deleted"],
    ];
    assert_eq!(kinds(&events), wanted.concat());
    assert_eq!(events["next"], 11);
    let event = |index: usize| &events["events"][index];
    assert_eq!(
        event(0)["data"],
        json!({"name": "demo", "runtime": "local"})
    );
    assert_eq!(event(1)["data"]["plugin"], "vault");
    assert_eq!(event(1)["data"]["outcome"], "applied");
    assert!(event(1)["data"]["took_ms"].is_u64());
    assert_eq!(event(2)["data"]["outcome"], "skipped");
    assert_eq!(event(2)["data"]["fault"], "transient");
    assert_eq!(event(4)["data"], json!({"exit_code": 3}));
    for event in events["events"].as_array().unwrap() {
        assert_eq!(
            (&event["workspace"], &event["tenant"]),
            (&json!(*id.as_str()), &json!("acme"))
        );
    }
    assert!(!events.to_string().contains(SECRET));

    let second = listed(&platform, &id, "?after=1&limit=2").await;
    assert_eq!(kinds(&second), run[..2]);
    assert_eq!(second["next"], 3);
    let unknown = platform
        .admin("GET", "/workspaces/unknown/events", None)
        .await;
    assert_eq!(unknown.line(), r#"404 {"error":"no such workspace"}"#);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_after_a_restart_without_loss_or_double() {
    let platform = Plan::default().start().await;
    let mut live = EventSource::open(platform.address, "/events", "").await;
    let id = fill(&platform, 20).await;
    let mut seen = Vec::new();
    for _ in 0..10 {
        let event = live.event().await;
        assert_eq!(event.data()["seq"], event.id());
        assert_eq!(event.data()["type"], event.text("event"));
        seen.push(event.id());
    }
    let last = *seen.last().unwrap();
    let dir = platform.leave().await;
    // What was under way still comes, and then the end.
    while let Some(event) = live.next().await {
        assert!(event.id() > last);
    }

    let platform = Plan::default().start_in(dir).await;
    let came_back = format!("Last-Event-ID: {last}\r\n");
    // As a browser comes back: with the query that it began with.
    let mut live = EventSource::open(platform.address, "/events?after=0", &came_back).await;
    while seen.len() < 23 {
        seen.push(live.event().await.id());
    }
    assert_eq!(seen, (1..=23).collect::<Vec<_>>());
    let event = listed(&platform, &id, "?after=22").await;
    assert_eq!(kinds(&event), ["workspace.adopted"]);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_let_pass_what_was_asked_for_and_the_place_moves_on_all_the_same() {
    let mut plan = Plan::default();
    plan.limits.keep_alive = Duration::from_millis(50);
    let platform = plan.start().await;
    let path = "/events?after=0&type=workspace.running,cleanup.*&tenant=acme,other";
    let mut live = EventSource::open(platform.address, path, "").await;
    fill(&platform, 300).await;
    while live.next().await.unwrap().text("id") != "302" {}
    let request = json!({"tenant": "acme", "command": ["sleep", "60"]});
    let created = platform.admin("POST", "/workspaces", Some(request)).await;
    let event = live.event().await;
    assert_eq!(
        (event.id(), event.text("event")),
        (304, "workspace.running")
    );
    assert_eq!(event.data()["workspace"], created.json()["id"]);

    let own = format!(
        "/workspaces/{}/events",
        event.data()["workspace"].as_str().unwrap()
    );
    let accept = "Accept: text/html, text/event-stream;q=0.9\r\n";
    let mut history = EventSource::open(platform.address, &own, accept).await;
    assert_eq!(
        [history.event().await.id(), history.event().await.id()],
        [303, 304]
    );
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_wait_for_a_slow_reader_and_nobody_waits_with_them() {
    let platform = Plan::default().start().await;
    let mut slow = EventSource::open(platform.address, "/events", "").await;
    let id = fill(&platform, 10_000).await;
    let mut quick = EventSource::open(platform.address, "/events?after=9998", "").await;
    assert_eq!(quick.event().await.id(), 9_999);
    assert_eq!(listed(&platform, &id, "?limit=1000").await["next"], 1000);
    for seq in 1..=10_002 {
        assert_eq!(slow.event().await.id(), seq);
    }
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_places_of_their_own_and_no_end() {
    let mut plan = Plan::default();
    plan.limits.max_streams = 2;
    plan.limits.max_requests = 1;
    plan.limits.request_time = Duration::from_millis(100);
    plan.limits.keep_alive = Duration::from_millis(200);
    let platform = plan.start().await;
    let mut one = EventSource::open(platform.address, "/events", "").await;
    let other = EventSource::open(platform.address, "/events", "").await;
    for _ in 0..3 {
        // Each is a sign of life later than the time of a request.
        assert_eq!(one.next().await.unwrap().text("id"), "0");
    }
    let refused = platform.admin("GET", "/events", None).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert_eq!(refused.header("retry-after"), "5");
    drop(other);
    let deadline = Instant::now() + Duration::from_secs(30);
    while EventSource::status(platform.address, "/events").await != 200 {
        assert!(Instant::now() < deadline, "the place is never free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let mut plan = Plan::default();
    plan.limits.keep_alive = Duration::from_millis(50);
    let platform = plan.start().await;
    let mut live = EventSource::open(platform.address, "/events", "").await;
    assert!(live.next().await.is_some());
    let other = "another-admin-token-0123456789-0123456789";
    assert!(
        platform
            .auth
            .replace(&Auth::bearers([("test", other)]).unwrap())
    );
    while live.next().await.is_some() {}
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let mut plan = Plan::default();
    plan.limits.max_streams = 1;
    plan.limits.write_time = Duration::from_millis(300);
    let platform = plan.start().await;
    let _stuck = EventSource::open(platform.address, "/events", "").await;
    let (id, _) = platform.sh("sleep 60").await;
    // More than the buffers of both ends hold.
    let data = json!({"text": "x".repeat(100_000)});
    for _ in 0..300 {
        let event = NewEvent::new(EventKind::ProvisionStep, &data);
        platform.store.append(&id, event).await.unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while EventSource::status(platform.address, "/events").await != 200 {
        assert!(Instant::now() < deadline, "the place is never free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_streams_at_once() {
    let platform = Plan::default().start().await;
    let limit = provisionhook_host::http::Limits::default().drain_time;
    let mut live = EventSource::open(platform.address, "/events", "").await;
    let begun = Instant::now();
    platform.leave().await;
    assert!(live.next().await.is_none());
    assert!(begun.elapsed() < limit / 2, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_is_said_to_be_gone() {
    let platform = Plan::default().start().await;
    let id = fill(&platform, 98).await;
    let log = EventLog::new(platform.store.clone());
    let none = Retention {
        time: Duration::from_secs(3600),
        count: 60,
    };
    assert_eq!(log.prune_now(none).await.unwrap(), 40);
    for path in ["/events".to_owned(), format!("/workspaces/{id}/events")] {
        for after in [1, 39, 101, i64::MAX] {
            let gone = platform
                .admin("GET", &format!("{path}?after={after}"), None)
                .await;
            assert_eq!(gone.status, 410, "{gone:?}");
            assert!(gone.body.contains("from 40 to 100"), "{gone:?}");
        }
        for query in ["?after=x", "?after=-1", "?nothing=1", "?after=1&after=2"] {
            let wrong = platform.admin("GET", &format!("{path}{query}"), None).await;
            assert_eq!(wrong.status, 400, "{wrong:?}");
        }
    }
    for wrong in ["?type=workspace.runing", "?workspace=..", "?type="] {
        let refused = platform
            .admin("GET", &format!("/events{wrong}"), None)
            .await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    for wrong in [
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?type=workspace.running",
    ] {
        let path = format!("/workspaces/{id}/events{wrong}");
        assert_eq!(platform.admin("GET", &path, None).await.status, 400);
    }
    let kept = listed(&platform, &id, "").await;
    assert_eq!(kept["events"][0]["seq"], 41);
    let mut oldest = EventSource::open(platform.address, "/events?after=0", "").await;
    assert_eq!(oldest.event().await.id(), 41);
    platform.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_was_left_in_the_middle_says_how_it_went_on() {
    let platform = Plan::default().start().await;
    let (id, _) = platform.sh("sleep 60").await;
    let dir = platform.leave().await;
    let platform = Plan::default().start_in(Arc::clone(&dir)).await;
    let events = listed(&platform, &id, "").await;
    assert_eq!(
        kinds(&events),
        [
            "workspace.created",
            "workspace.running",
            "workspace.adopted"
        ]
    );
    let head = client::send(platform.address, "HEAD", "/events", Some(ADMIN), None).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    platform.end().await;
}
