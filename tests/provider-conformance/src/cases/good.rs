//! All is well.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{Given, Life, Subject, Way, world::World};

/// How far an end may be from where it should be, for slow machines and ends without seconds.
const NEAR: Duration = Duration::from_secs(90);

pub(crate) fn fresh<S: Subject>(way: Way) {
    let world = World::<S>::new(way);
    let given = first(&world);
    let secrets = world.subject.secrets();
    for open in given.open() {
        assert!(
            !secrets.iter().any(|secret| secret == open),
            "expected every secret to be handed out as one, found {open:?} open"
        );
    }
    assert_ends(&given, world.subject.life(way), NEAR);
    world.finish();
}

pub(crate) fn cached<S: Subject>(way: Way) {
    let world = World::<S>::new(way);
    let given = first(&world);
    let before = world.proxy.requests();
    for _ in 0..3 {
        let again = world.ask().unwrap_or_else(|failure| panic!("{failure:?}"));
        assert!(
            again.is_the_same_as(&given),
            "expected the same again, found something else"
        );
    }
    assert_eq!(
        world.proxy.requests(),
        before,
        "expected no request for what was handed out a moment ago"
    );
    world.finish();
}

/// What the first workspace is given, which must be right.
pub(crate) fn first<S: Subject>(world: &World<S>) -> Given {
    let given = world
        .ask()
        .unwrap_or_else(|failure| panic!("the first ask failed: {failure:?}"));
    assert!(
        !given.secrets().is_empty(),
        "expected something secret to be handed out, found {given:?}"
    );
    world.subject.check(&given);
    given
}

/// Panics unless a token says that it ends when it does, within `tolerance`.
pub(crate) fn assert_ends(given: &Given, life: Life, tolerance: Duration) {
    let (Given::Token(token), Life::Ends(life)) = (given, life) else {
        return;
    };
    let end = token
        .expires_at
        .unwrap_or_else(|| panic!("expected the token to say when it ends, {life:?} from now"));
    let left = end.duration_since(Timestamp::now());
    let wrong = (left - SignedDuration::try_from(life).unwrap()).unsigned_abs();
    assert!(
        wrong <= tolerance,
        "expected a token that ends {life:?} from now, found one that says {left}"
    );
}
