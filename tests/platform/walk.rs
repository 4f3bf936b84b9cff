//! Kill -9 at every step of an operation on a workspace: whatever was begun, the next platform finishes it or fails it, and says
//! which; nothing is started twice, and nothing is left that no record has.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use rustix::process::Signal;

use crate::{
    place::{Operation, Place},
    steps::{Moment, Step, Walk},
    subject::Subject,
};

/// How many platforms are walked through at once.
const AT_ONCE: usize = 3;

/// How it is walked.
pub(crate) struct Way<P> {
    pub(crate) place: fn() -> P,
    /// The steps at which it ends.
    pub(crate) counts: fn(&Step) -> bool,
    pub(crate) moment: Moment,
}

#[track_caller]
pub(crate) fn assert_died_at(steps: &[Step], expected: &[(&str, &str)]) {
    for (call, to) in expected {
        let found = steps
            .iter()
            .any(|step| step.call == *call && step.to == *to);
        assert!(found, "no walk ended at {call} {to}: {steps:#?}");
    }
}

/// Walks one step further each time, until the operation is done before the walk is. Gives the steps that were died at.
pub(crate) fn walk<P: Place>(way: &Way<P>, operation: Operation) -> Vec<Step> {
    let (next, died_at) = (AtomicUsize::new(1), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let place = (way.place)();
                loop {
                    let most = next.fetch_add(1, Ordering::Relaxed);
                    match die_at(way, &place, operation, most) {
                        Some(step) => died_at.lock().unwrap().push(step),
                        None => return,
                    }
                }
            });
        }
    });
    died_at.into_inner().unwrap()
}

/// Kills the platform at this step, and looks at what the next one makes of it. None if there is no such step.
fn die_at<P: Place>(way: &Way<P>, place: &P, operation: Operation, most: usize) -> Option<Step> {
    let subject = Subject::new(place, most);
    let platform = place.world().serve();
    if operation != Operation::Create {
        subject.begin(&platform);
    }
    let walk = Walk::begin(platform.pid(), way.counts, most, way.moment);
    let answer = subject.ask(&platform, operation);
    let done = answer.is_ok();
    platform.end(Signal::KILL);
    let steps = walk.steps();
    let last = steps.last().unwrap();
    let (moment, Step { call, to }) = (way.moment, last);
    let at = format!("{operation:?}, step {most}, {moment:?} {call} {to}");
    let platform = place.world().serve();
    subject.check(&platform, operation, answer.ok(), &at);
    subject.tidy_up(&platform, &at);
    platform.end(Signal::KILL);
    (!done).then(|| last.clone())
}
