//! The server's clock and the host's are apart.

use std::time::Duration;

use super::good::{assert_ends, first};
use crate::{
    Subject, Way,
    world::{World, requests_of_one_ask},
};

const AHEAD: i64 = 300;

pub(crate) fn skew<S: Subject>(way: Way) {
    let usual = requests_of_one_ask::<S>(way);
    for ahead in [-AHEAD, AHEAD] {
        let world = World::<S>::new(way);
        let moved = world.subject.set_clock(ahead);
        if !moved {
            world.proxy.set_date_ahead(ahead);
        }
        let before = world.proxy.requests();
        let given = first(&world);
        let caused = world.proxy.requests() - before;
        assert!(
            caused <= usual * 2,
            "expected that each of the {usual} requests is repeated at most once at {ahead} s, found {caused}"
        );
        // If only `Date` is moved, a provider that corrects its ends by it is right to.
        let tolerance = if moved { 90 } else { 90 + AHEAD.unsigned_abs() };
        assert_ends(
            &given,
            world.subject.life(way),
            Duration::from_secs(tolerance),
        );
        world.finish();
    }
}
