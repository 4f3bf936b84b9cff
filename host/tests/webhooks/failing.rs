//! Receivers that are down, slow, busy, gone, or not who they say they are.

use std::time::{Duration, Instant};

use provisionhook_host::{store::Store, webhooks::Webhook};
use rusqlite::Connection;

use crate::{
    Running, World,
    receiver::{Does, Receiver},
    server, webhook,
};

fn count(outcome: &str, count: usize) -> String {
    format!("provisionhook_webhook_deliveries_total{{webhook=\"a\",outcome=\"{outcome}\"}} {count}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_sent_until_it_is_taken_and_the_next_waits() {
    let mut world = World::new().await;
    world.settings.timeout = Duration::from_millis(500);
    let script = [
        Does::Answer(500),
        Does::Redirect,
        Does::Hang,
        Does::Answer(404),
    ];
    let receiver = Receiver::start(script).await;
    let _running = world.run(vec![webhook("a", receiver.url())]).await;
    world.steps("acme", 2).await;
    let requests = receiver.had(6).await;
    assert_eq!(receiver.seqs(), [2, 2, 2, 2, 2, 3]);
    let ids: Vec<_> = requests
        .iter()
        .map(|one| one.header("webhook-id"))
        .collect();
    assert!(ids[..5].iter().all(|id| *id == ids[0]) && ids[5] != ids[0]);
    world.shows(&count("failed", 4)).await;
    world.shows(&count("delivered", 2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_receiver_says_when_and_holds_nobody_else_up() {
    let world = World::new().await;
    let busy = Receiver::start([Does::Later(429, 3)]).await;
    let idle = Receiver::start([]).await;
    let hooks = vec![webhook("a", busy.url()), webhook("b", idle.url())];
    let _running = world.run(hooks).await;
    world.steps("acme", 50).await;
    idle.had(50).await;
    let requests = busy.had(51).await;
    let pause = requests[1].at - requests[0].at;
    assert!(pause >= Duration::from_secs(3), "{pause:?}");
    assert_eq!(busy.seqs()[..3], [2, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_gets_nothing_more() {
    let world = World::new().await;
    let gone = Receiver::start([Does::Answer(410)]).await;
    let idle = Receiver::start([]).await;
    let hooks = vec![webhook("a", gone.url()), webhook("b", idle.url())];
    let running = world.run(hooks).await;
    world.steps("acme", 3).await;
    idle.had(3).await;
    world
        .shows("provisionhook_webhook_disabled{webhook=\"a\"} 1")
        .await;
    world
        .shows("provisionhook_webhook_disabled{webhook=\"b\"} 0")
        .await;
    assert_eq!(gone.seqs(), [2]);
    drop(running);
    // The next platform asks again, and misses nothing.
    let _running = world.run(vec![webhook("a", gone.url())]).await;
    gone.had(4).await;
    assert_eq!(gone.seqs(), [2, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_given_up_in_the_end() {
    let world = World::new().await;
    let receiver = Receiver::start([Does::Answer(500), Does::Answer(500)]).await;
    let impatient = Webhook {
        give_up_after: Duration::ZERO,
        ..webhook("a", receiver.url())
    };
    let _running = world.run(vec![impatient]).await;
    world.steps("acme", 3).await;
    receiver.had(3).await;
    assert_eq!(receiver.seqs(), [2, 3, 4], "each was tried");
    world.shows(&count("given_up", 2)).await;
    world.shows(&count("delivered", 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_hears_of_what_is_still_kept() {
    let world = World::new().await;
    // Nobody listens there any more.
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let running = world
        .run(vec![webhook("a", format!("http://{address}/hook"))])
        .await;
    // The failure is looked for while it is the only one: a thousand events take longer than the first pause.
    world.steps("acme", 1).await;
    world.shows(&count("failed", 1)).await;
    world.steps("acme", 999).await;
    drop(running);
    while world.store.prune_events(0, 100, 500).await.unwrap() > 0 {}
    let receiver = Receiver::start([]).await;
    let _running = world.run(vec![webhook("a", receiver.url())]).await;
    receiver.had(100).await;
    assert_eq!(receiver.seqs(), (902..=1001).collect::<Vec<_>>());
    world.shows(&count("lost", 900)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_to_a_receiver_whose_certificate_is_not_trusted() {
    let mut world = World::new().await;
    let (server, authority) = server::Server::tls().await;
    let hook = || {
        webhook(
            "a",
            format!("https://localhost:{}/echo", server.address.port()),
        )
    };
    let running = world.run(vec![hook()]).await;
    world.steps("acme", 1).await;
    world.shows(&count("failed", 1)).await;
    drop(running);
    world.settings.ca_file = Some(authority.file.clone());
    let begun = Instant::now();
    let _running = world.run(vec![hook()]).await;
    world.shows(&count("delivered", 1)).await;
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_full_for_a_while_holds_webhooks_up_and_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    drop(Store::open(&path).unwrap());
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "CREATE TABLE refused (until REAL NOT NULL);
             INSERT INTO refused VALUES (unixepoch('subsec') + 2);
             CREATE TRIGGER full BEFORE INSERT ON webhooks WHEN unixepoch('subsec') < (SELECT until FROM refused)
             BEGIN SELECT RAISE(ABORT, 'full'); END",
        )
        .unwrap();
    let world = World::over(dir).await;
    let refused = world.store.webhooks(vec!["a".to_owned()]).await;
    assert!(refused.is_err(), "the test refuses nothing");
    let receiver = Receiver::start([]).await;
    let _running = Running::of(&world.webhooks(vec![webhook("a", receiver.url())]));
    let deadline = Instant::now() + Duration::from_secs(60);
    while receiver.seqs().is_empty() {
        assert!(Instant::now() < deadline, "nothing is ever delivered");
        world.steps("acme", 1).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
