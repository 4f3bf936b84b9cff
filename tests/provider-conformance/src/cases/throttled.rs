//! The service asks to be left alone.

use std::{
    thread,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use provisionhook_host::fault::FaultKind;

use crate::{
    Subject, Throttle, Way,
    proxy::{Mischief, http_date},
    world::{World, requests_of_one_ask},
};

/// How long the service asks to be left alone.
const WAIT: Duration = Duration::from_secs(3);
/// Before this nobody may ask: a date has no parts of seconds.
const SURELY: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn throttled<S: Subject>(way: Way) {
    let requests = requests_of_one_ask::<S>(way);
    for throttle in everybodys().into_iter().chain(S::throttles()) {
        let failures = (0..requests)
            .filter(|intact| obeyed::<S>(way, &throttle, *intact))
            .count();
        assert!(
            failures > 0,
            "{}: expected an ask to fail, found none that did",
            throttle.what
        );
    }
}

fn everybodys() -> [Throttle; 2] {
    [
        Throttle {
            what: "429 with Retry-After in seconds",
            status: 429,
            headers: |wait| vec![("retry-after".to_owned(), wait.as_secs().to_string())],
            body: "",
        },
        Throttle {
            what: "429 with Retry-After as a date",
            status: 429,
            headers: |wait| {
                let end = Timestamp::now() + SignedDuration::try_from(wait).unwrap();
                vec![("retry-after".to_owned(), http_date(end))]
            },
            body: "",
        },
    ]
}

/// Whether the ask failed, as it must unless that request was not needed.
fn obeyed<S: Subject>(way: Way, throttle: &Throttle, intact: usize) -> bool {
    let what = throttle.what;
    let world = World::<S>::new(way);
    world.proxy.break_after(
        intact,
        Mischief::Answer {
            status: throttle.status,
            headers: (throttle.headers)(WAIT),
            body: throttle.body.to_owned(),
        },
    );
    let begun = Instant::now();
    let Err(failure) = world.ask() else {
        return false;
    };
    world.proxy.mend();
    world.assert_discreet(&failure);
    assert_eq!(failure.kind, FaultKind::Transient, "{what}: {failure:?}");
    let told = failure
        .retry_after
        .unwrap_or_else(|| panic!("{what}: expected to be told how long, found {failure:?}"));
    assert!(
        told + SECOND >= SURELY && told <= WAIT + SECOND,
        "{what}: expected about {WAIT:?}, found {failure:?}"
    );
    let before = world.proxy.requests();
    while begun.elapsed() + Duration::from_millis(300) < SURELY {
        for scope in world.subject.scopes() {
            if let Err(failure) = world.ask_for(&scope) {
                assert_eq!(failure.kind, FaultKind::Transient, "{what}: {failure:?}");
            }
        }
        thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(
        world.proxy.requests(),
        before,
        "{what}: expected the service to be left alone for as long as it asked, whatever is asked for"
    );
    world.subject.check(&world.recovered());
    world.finish();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_one_of_http() {
        let [_, date] = everybodys();
        let (_, value) = &(date.headers)(WAIT)[0];
        assert!(value.ends_with(" GMT"), "{value}");
        assert_eq!(value.len(), "Sun, 06 Nov 1994 08:49:37 GMT".len());
    }
}
