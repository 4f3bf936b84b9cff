//! What was handed out comes to its end.

use std::{
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use provisionhook_host::token::BrokerSettings;

use super::good::first;
use crate::{
    Given, Life, Subject, Way,
    proxy::Mischief,
    world::{Plan, World, requests_of_one_ask},
};

/// How long something shall be good in these cases.
const SHORT: Duration = Duration::from_secs(10);
/// The longest life, or time in a cache, that a test can wait for.
const LONGEST: Duration = Duration::from_secs(30);
/// How often workspaces ask.
const PERIOD: Duration = Duration::from_millis(200);

pub(crate) fn about_to_expire<S: Subject>(way: Way) {
    let most = requests_of_one_ask::<S>(way);
    let (world, given, end) = short_lived::<S>(way);
    world.subject.replace();
    let before = world.proxy.requests();
    loop {
        let now = world.ask().unwrap_or_else(|failure| panic!("{failure:?}"));
        if !now.is_the_same_as(&given) {
            world.subject.check(&now);
            break;
        }
        assert!(
            Instant::now() < end,
            "expected another one before the end, found the old one handed out after it"
        );
        thread::sleep(PERIOD);
    }
    // A second renewal would have begun by now.
    thread::sleep(PERIOD * 3);
    let caused = world.proxy.requests() - before;
    assert!(
        (1..=most).contains(&caused),
        "expected a renewal to cause no more than the {most} requests of a first ask, found {caused}"
    );
    world.finish();
}

pub(crate) fn expired<S: Subject>(way: Way) {
    let (world, given, end) = short_lived::<S>(way);
    world.subject.replace();
    thread::sleep(end.saturating_duration_since(Instant::now()) + Duration::from_millis(500));
    if way == Way::Tokens || matches!(world.subject.life(way), Life::Ends(_)) {
        world.proxy.break_after(0, Mischief::page(503));
        if let Ok(now) = world.ask() {
            panic!("expected nothing while the server is down and all has ended, found {now:?}");
        }
        world.proxy.mend();
    }
    let now = world.recovered();
    assert!(
        !now.is_the_same_as(&given),
        "expected another one after the end, found the old one"
    );
    world.subject.check(&now);
    world.finish();
}

/// A world in which what was given ends (or has been in the cache for longest) at this time.
fn short_lived<S: Subject>(way: Way) -> (World<S>, Given, Instant) {
    let world = World::<S>::planned(
        way,
        Plan {
            lifetime: SHORT,
            ..Plan::default()
        },
    );
    match way {
        Way::Tokens => {
            let good_for = shorten(&world);
            let given = first(&world);
            (world, given, Instant::now() + good_for)
        }
        Way::Variables => {
            let (Life::Ends(life) | Life::Unknown(life)) = world.subject.life(way);
            assert!(
                life <= LONGEST,
                "expected the subject to start with a lifetime of about {SHORT:?}, as it was told, found {life:?}"
            );
            let given = first(&world);
            // The end of a cache is checked when somebody asks, which is a period later at most.
            (world, given, Instant::now() + life + PERIOD * 2)
        }
    }
}

/// Has the host take the first part of the tokens' life for the whole of it, if it is too long to wait for.
fn shorten<S: Subject>(world: &World<S>) -> Duration {
    world.set_broker(BrokerSettings {
        skew: Duration::ZERO,
        ..BrokerSettings::default()
    });
    let probe = first(world);
    let short = SHORT - Duration::from_secs(1);
    let left = probe
        .expires_at()
        .map(|end| Duration::try_from(end.duration_since(Timestamp::now())).unwrap());
    let margin = left.map_or(Duration::ZERO, |left| left.saturating_sub(short));
    world.set_broker(BrokerSettings {
        skew: margin.max(Duration::from_secs(1)),
        without_expiry: short,
        ..BrokerSettings::default()
    });
    short
}
