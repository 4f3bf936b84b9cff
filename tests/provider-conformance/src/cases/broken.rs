//! The server, or the way to it, is broken.

use std::time::Duration;

use provisionhook_host::fault::FaultKind;

use crate::{
    Subject, Way,
    ask::Failure,
    proxy::Mischief,
    world::{Plan, World, requests_of_one_ask},
};

/// For the case about slowness.
const SHORT_BUDGET: Duration = Duration::from_secs(1);
/// More than the host lets a plugin have, and what may be under way in buffers of the kernel.
const MOST_POURED: u64 = 32 * 1024 * 1024;

pub(crate) fn slow<S: Subject>(way: Way) {
    let plan = || Plan {
        budget: SHORT_BUDGET,
        ..Plan::default()
    };
    each_request::<S>(way, plan, Mischief::Silence, |_, failure| {
        assert!(
            matches!(failure.kind, FaultKind::TimedOut | FaultKind::Transient),
            "expected timed_out or transient, found {failure:?}"
        );
        assert!(
            failure.took < SHORT_BUDGET * 2,
            "expected the call to end within {SHORT_BUDGET:?}, found {failure:?}"
        );
    });
}

pub(crate) fn cut_in_the_middle<S: Subject>(way: Way) {
    each_request::<S>(way, Plan::default, Mischief::Cut, transient);
}

pub(crate) fn garbage<S: Subject>(way: Way) {
    each_request::<S>(way, Plan::default, Mischief::page(200), transient);
}

pub(crate) fn huge_body<S: Subject>(way: Way) {
    each_request::<S>(way, Plan::default, Mischief::Endless, |world, failure| {
        transient(world, failure);
        let poured = world.proxy.poured();
        assert!(
            poured < MOST_POURED,
            "expected the body to be given up, found that {poured} bytes of it were taken"
        );
    });
}

pub(crate) fn down_at_boot<S: Subject>(way: Way) {
    for mischief in [Mischief::HangUp, Mischief::page(503)] {
        let world = World::<S>::planned(
            way,
            Plan {
                at_boot: Some(mischief),
                ..Plan::default()
            },
        );
        let failure = world
            .ask()
            .err()
            .unwrap_or_else(|| panic!("expected nothing from a server that is down"));
        transient(&world, &failure);
        world.assert_discreet(&failure);
        world.proxy.mend();
        world.subject.check(&world.recovered());
        world.finish();
    }
}

fn transient<S>(_: &World<S>, failure: &Failure) {
    assert_eq!(failure.kind, FaultKind::Transient, "{failure:?}");
}

/// Breaks requests of an ask as [`each_broken`] does. An ask may do without the one that is broken, else its failure is judged;
/// then the provider must recover. At least one request must have been needed.
pub(crate) fn each_request<S: Subject>(
    way: Way,
    plan: impl Fn() -> Plan,
    mischief: Mischief,
    judge: impl Fn(&World<S>, &Failure),
) {
    let mut failures = 0;
    each_broken::<S>(way, plan, &mischief, |world, failure| {
        if let Some(failure) = failure {
            failures += 1;
            judge(world, failure);
        }
        world.proxy.mend();
        world.subject.check(&world.recovered());
    });
    assert!(
        failures > 0,
        "expected {mischief:?} to make an ask fail, found none that did"
    );
}

/// Breaks all requests of a first ask, then all but the first, and so on: a log-in may fail, or what comes after it.
pub(crate) fn each_broken<S: Subject>(
    way: Way,
    plan: impl Fn() -> Plan,
    mischief: &Mischief,
    mut then: impl FnMut(&World<S>, Option<&Failure>),
) {
    for intact in 0..requests_of_one_ask::<S>(way) {
        let world = World::<S>::planned(way, plan());
        world.proxy.break_after(intact, mischief.clone());
        let failure = match world.ask() {
            Ok(given) => {
                world.subject.check(&given);
                None
            }
            Err(failure) => {
                world.assert_discreet(&failure);
                Some(failure)
            }
        };
        then(&world, failure.as_ref());
        world.finish();
    }
}
