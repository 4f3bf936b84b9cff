//! Many ask at once, in a world where time passes only when a test says so.

use std::{
    future::pending,
    sync::atomic::{AtomicI64, AtomicU32, Ordering},
    time::Duration,
};

use provisionhook_plugin_abi::{sdk::Response, wire::FaultKind};
use tokio::task::{JoinSet, yield_now};

use super::*;
use crate::outside::Request;

#[derive(Default)]
struct World {
    now: AtomicI64,
    fetches: AtomicU32,
}

impl Outside for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.now.load(Ordering::Relaxed)).unwrap()
    }

    async fn sleep(&self, _: Duration) -> Result<(), Fault> {
        Ok(())
    }

    async fn send(&self, _: Request) -> Result<Response, Fault> {
        Err(Fault::internal("nothing here sends"))
    }
}

impl World {
    fn set(&self, second: i64) {
        self.now.store(second, Ordering::Relaxed);
    }

    fn fetches(&self) -> u32 {
        self.fetches.load(Ordering::Relaxed)
    }

    /// Counts, lets the others run, and brings the count with an hour to live.
    ///
    /// # Errors
    /// None.
    async fn fetch(&self) -> Result<Fetched<u32>, Fault> {
        let count = self.fetches.fetch_add(1, Ordering::Relaxed) + 1;
        yield_now().await;
        Ok(Fetched::until(
            count,
            self.now() + jiff::SignedDuration::from_hours(1),
        ))
    }

    /// # Errors
    /// This fault.
    async fn fail(&self, fault: Fault) -> Result<Fetched<u32>, Fault> {
        self.fetch().await?;
        Err(fault)
    }
}

fn down() -> Fault {
    Fault::transient("down")
}

#[tokio::test]
async fn a_thousand_who_ask_cost_one_fetch_for_each_key() {
    let (world, shared) = (Arc::new(World::default()), Arc::new(Shared::default()));
    let mut asking = JoinSet::new();
    for number in 0..1000 {
        let (world, shared) = (Arc::clone(&world), Arc::clone(&shared));
        asking.spawn(async move {
            let key = number % 2;
            (key, shared.get(&key, &*world, world.fetch()).await.unwrap())
        });
    }
    let got = asking.join_all().await;
    assert_eq!(world.fetches(), 2);
    let first = got[0];
    assert!(
        got.iter()
            .all(|(key, value)| (*key == first.0) == (*value == first.1))
    );
}

#[tokio::test]
async fn those_who_waited_share_the_failure_and_the_next_one_tries_again() {
    let (world, shared) = (
        Arc::new(World::default()),
        Arc::new(Shared::<u8, u32>::default()),
    );
    let mut asking = JoinSet::new();
    for _ in 0..50 {
        let (world, shared) = (Arc::clone(&world), Arc::clone(&shared));
        asking.spawn(async move { shared.get(&0, &*world, world.fail(down())).await });
    }
    let got = asking.join_all().await;
    assert!(got.iter().all(|got| *got == Err(down())));
    assert_eq!(world.fetches(), 1);
    assert_eq!(shared.get(&0, &*world, world.fetch()).await, Ok(2));
}

#[tokio::test]
async fn an_older_value_bridges_an_outage_but_no_refusal() {
    let (world, shared) = (World::default(), Shared::default());
    assert_eq!(shared.get(&0, &world, world.fetch()).await, Ok(1));
    world.set(31 * 60);
    assert_eq!(shared.get(&0, &world, world.fail(down())).await, Ok(1));
    let refused = shared
        .get(&0, &world, world.fail(Fault::denied("no")))
        .await;
    assert_eq!(refused.unwrap_err().kind(), FaultKind::DENIED);
    world.set(56 * 60);
    assert_eq!(
        shared.get(&0, &world, world.fail(down())).await,
        Err(down()),
        "four minutes are too little to be useful"
    );
    assert_eq!(shared.get(&0, &world, world.fetch()).await, Ok(5));
}

#[tokio::test]
async fn a_useful_value_is_served_while_somebody_fetches() {
    let (world, shared) = (World::default(), Shared::default());
    assert_eq!(shared.get(&0, &world, world.fetch()).await, Ok(1));
    world.set(31 * 60);
    tokio::select! {
        biased;
        _ = shared.get(&0, &world, pending()) => unreachable!("it never ends"),
        served = shared.get(&0, &world, world.fetch()) => assert_eq!(served, Ok(1)),
    }
    assert_eq!(
        shared.get(&0, &world, world.fetch()).await,
        Ok(2),
        "whoever was given up on holds nobody up"
    );
}

#[tokio::test]
async fn what_is_forgotten_is_fetched_again_and_given_back() {
    let (world, shared) = (World::default(), Shared::default());
    assert_eq!(shared.get(&0, &world, world.fetch()).await, Ok(1));
    assert_eq!(shared.kept(&0), Some(1));
    assert_eq!(shared.forget(&0), Some(1));
    assert_eq!(shared.kept(&0), None);
    assert_eq!(shared.forget(&0), None);
    assert_eq!(shared.get(&0, &world, world.fetch()).await, Ok(2));
    shared.clear();
    assert_eq!(shared.get(&0, &world, world.fetch()).await, Ok(3));
    shared.keep(&0, Fetched::endless(9), world.now());
    assert_eq!(shared.get(&0, &world, world.fetch()).await, Ok(9));
}

#[tokio::test]
async fn a_key_too_many_pushes_out_the_one_longest_not_asked_for() {
    let rules = Rules {
        most_keys: 2,
        ..Rules::default()
    };
    let (world, shared) = (World::default(), Shared::new(rules));
    for key in ["a", "b", "a", "c"] {
        shared.get(&key, &world, world.fetch()).await.unwrap();
    }
    assert_eq!(world.fetches(), 3);
    assert_eq!(
        shared.get(&"a", &world, world.fetch()).await,
        Ok(1),
        "it was asked for lately"
    );
    assert_eq!(shared.get(&"b", &world, world.fetch()).await, Ok(4));
    assert_eq!(shared.slots().by_key.len(), 2);
}

#[tokio::test]
async fn debug_shows_no_value() {
    let (world, shared) = (World::default(), Shared::default());
    let fetch = async { Ok(Fetched::endless("hunter2")) };
    shared.get(&"hunter2", &world, fetch).await.unwrap();
    let shown = format!("{shared:?} {:?}", Fetched::endless("hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}
