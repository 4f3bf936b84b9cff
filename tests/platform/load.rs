//! Many workspaces at once: all come to run, the API answers meanwhile, and a rush beyond the limits is refused.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::{Answer, exchange},
    daemon::{Daemon, Make},
    docker,
    platform::Platform,
    world::{ADMIN, World},
};

/// Ends when it is asked to, also as the first process of a container.
const COMMAND: [&str; 3] = ["sh", "-c", "trap 'exit 0' TERM; sleep 600 & wait"];
/// As the issue of every platform that grows has it.
const MANY: usize = 1000;
/// Far above what it takes, and far below what a leak for each request would.
const MOST_KIB: u64 = 400 * 1024;

/// Sends one request for each body at the same time, and gives the answers in their order.
fn at_once(
    platform: &Platform<'_>,
    world: &World,
    requests: Vec<(Method, String, Value)>,
) -> Vec<Answer> {
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|(method, path, body)| {
            let (client, url) = (world.client.clone(), format!("{}{path}", platform.url));
            world.runtime.spawn(async move {
                let body = if body.is_null() {
                    Vec::new()
                } else {
                    body.to_string().into_bytes()
                };
                exchange(&client, method, &url, ADMIN, body).await.unwrap()
            })
        })
        .collect();
    tasks
        .into_iter()
        .map(|task| world.runtime.block_on(task).unwrap())
        .collect()
}

fn creations(count: usize) -> Vec<(Method, String, Value)> {
    let creation = |index| {
        let body = json!({"id": format!("ws-{index}"), "command": COMMAND});
        (Method::POST, "/workspaces".to_owned(), body)
    };
    (0..count).map(creation).collect()
}

fn deletions(count: usize) -> Vec<(Method, String, Value)> {
    let path = |index| format!("/workspaces/ws-{index}");
    (0..count)
        .map(|index| (Method::DELETE, path(index), Value::Null))
        .collect()
}

/// How many answers have which status.
fn by_status(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.status).or_default() += 1;
    }
    counts
}

#[test]
fn a_thousand_at_once_all_run_and_the_api_answers_meanwhile() {
    let world = World::bare();
    world.install("10-greeter.so", "fixture_greeter");
    let platform = world.serve();
    let done = Arc::new(AtomicBool::new(false));
    let probes = {
        let (client, url, done) = (
            world.client.clone(),
            platform.url.clone(),
            Arc::clone(&done),
        );
        world.runtime.spawn(async move {
            let mut answered = 0;
            while !done.load(Ordering::Relaxed) {
                for path in ["/health", "/workspaces", "/workspaces/ws-0"] {
                    let url = format!("{url}{path}");
                    let answer = exchange(&client, Method::GET, &url, ADMIN, Vec::new());
                    let answer = tokio::time::timeout(Duration::from_secs(30), answer);
                    let status = answer
                        .await
                        .expect("no answer in half a minute")
                        .unwrap()
                        .status;
                    assert!(matches!(status, 200 | 404), "{path}: {status}");
                    answered += 1;
                }
            }
            answered
        })
    };
    let made = at_once(&platform, &world, creations(MANY));
    done.store(true, Ordering::Relaxed);
    assert_eq!(by_status(&made), BTreeMap::from([(201, MANY)]));
    assert!(world.runtime.block_on(probes).unwrap() > 0);
    for id in ["ws-0", "ws-999"] {
        assert_eq!(platform.show(id)["state"], "running");
    }
    let metrics = platform.get("/metrics").text;
    let running = format!("provisionhook_workspaces{{state=\"running\"}} {MANY}\n");
    assert!(metrics.contains(&running), "{metrics}");
    assert!(
        metrics.contains("provisionhook_provisions_waiting 0\n"),
        "{metrics}"
    );
    let peak = platform.peak_memory_kib();
    assert!(peak < MOST_KIB, "{peak} KiB");

    let ended = at_once(&platform, &world, deletions(MANY));
    assert_eq!(by_status(&ended), BTreeMap::from([(204, MANY)]));
    let left = fs::read_dir(world.path("state/workspaces"))
        .unwrap()
        .count();
    assert_eq!(left, 0);
}

#[test]
fn a_hundred_containers_at_once_all_run() {
    a_hundred(Make::Docker, true);
}

#[test]
fn so_they_do_over_podman() {
    a_hundred(Make::Podman, false);
}

fn a_hundred(make: Make, init: bool) {
    let daemon = Daemon::start(make);
    let world = docker::over(World::bare(), &daemon, init);
    let platform = world.serve();
    let made = at_once(&platform, &world, creations(100));
    assert_eq!(
        by_status(&made),
        BTreeMap::from([(201, 100)]),
        "{}",
        platform.log()
    );
    let running = daemon.command(&["ps", "-q"]).output().unwrap();
    let running = String::from_utf8(running.stdout).unwrap();
    assert_eq!(running.lines().count(), 100, "{running}");
    let ended = at_once(&platform, &world, deletions(100));
    assert_eq!(
        by_status(&ended),
        BTreeMap::from([(204, 100)]),
        "{}",
        platform.log()
    );
    let left = daemon.command(&["ps", "-aq"]).output().unwrap();
    assert!(left.stdout.is_empty(), "{left:?}");
}

#[test]
fn a_rush_beyond_the_queue_is_told_to_come_back_and_leaves_nothing() {
    let world = World::bare().with_tables("[provision]\nat_once = 1\nqueue = 3\n");
    world.install_gate();
    let platform = world.serve();
    let url = format!("{}/workspaces", platform.url);
    let post = |index: usize| {
        let (client, url) = (world.client.clone(), url.clone());
        let body = json!({"id": format!("ws-{index}"), "command": ["sleep", "600"]}).to_string();
        world.runtime.spawn(async move {
            exchange(&client, Method::POST, &url, ADMIN, body.into_bytes())
                .await
                .unwrap()
        })
    };
    let let_in: Vec<_> = (0..4).map(post).collect();
    world.wait_at_gate();
    crate::world::until("three to wait", || {
        platform
            .get("/metrics")
            .text
            .contains("provisionhook_provisions_waiting 3\n")
    });
    let refused = world.runtime.block_on(post(4)).unwrap();
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert_eq!(refused.retry_after.as_deref(), Some("1"));
    platform.get("/workspaces/ws-4").expect(404);
    // Those who look are not held up by those who wait.
    assert_eq!(platform.show("ws-3")["state"], "provisioning");

    world.open_gate();
    for answer in let_in {
        world.runtime.block_on(answer).unwrap().expect(201);
    }
    world.runtime.block_on(post(4)).unwrap().expect(201);
}
