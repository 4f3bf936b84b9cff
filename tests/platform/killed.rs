//! Kill -9 at every step of an operation on a workspace: whatever was begun, the next platform finishes it or fails it, and says
//! which; nothing is started twice, and nothing is left that no record has.

mod place;
mod story;
mod subject;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use rustix::process::Signal;

use crate::{
    daemon::Make,
    steps::{Moment, Step, Walk},
};

use place::Place;
use subject::Subject;

/// How many platforms are walked through at once.
const AT_ONCE: usize = 3;

/// How it is walked.
struct Way {
    place: fn() -> Place,
    /// The steps at which it ends.
    counts: fn(&Step) -> bool,
    moment: Moment,
}

/// What is done to a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    Restart,
    Stop,
    Delete,
}

/// The whole of it, in processes of this machine.
const LOCAL: Way = Way {
    place: Place::local,
    counts: |_| true,
    moment: Moment::Before,
};

/// In containers, only what is asked of the daemon and what lies beside them: the rest is as on this machine. The kill comes when
/// a request has been sent, and the daemon acts on it.
const DOCKER: Way = Way {
    place: || Place::in_containers(Make::Docker),
    counts: |step| step.to == "socket" || ["rename", "symlink"].contains(&step.call),
    moment: Moment::After,
};

#[test]
fn at_every_step_of_a_provision() {
    let steps = walk(&LOCAL, Operation::Create);
    assert_died_at(
        &steps,
        &[
            ("write", "state.db-wal"),
            ("sync", "state.db-wal"),
            ("mkdir", "work"),
            ("rename", "token"),
            ("rename", "hello"),
            ("spawn", ""),
            ("write", "pipe"),
            ("write", "socket"),
        ],
    );
}

#[test]
fn right_after_every_step_of_a_provision() {
    let after = Way {
        moment: Moment::After,
        ..LOCAL
    };
    walk(&after, Operation::Create);
}

#[test]
fn at_every_step_of_a_restart() {
    walk(&LOCAL, Operation::Restart);
}

#[test]
fn at_every_step_of_a_stop() {
    walk(&LOCAL, Operation::Stop);
}

#[test]
fn at_every_step_of_a_delete() {
    walk(&LOCAL, Operation::Delete);
}

#[test]
fn at_every_step_of_a_provision_in_a_container() {
    let steps = walk(&DOCKER, Operation::Create);
    assert_died_at(&steps, &[("symlink", "token"), ("send", "socket")]);
    let requests = steps.iter().filter(|step| step.to == "socket").count();
    assert!(requests >= 6, "{steps:#?}");
}

#[test]
fn at_every_step_of_a_restart_in_a_container() {
    walk(&DOCKER, Operation::Restart);
}

#[test]
fn at_every_step_of_a_delete_of_a_container() {
    walk(&DOCKER, Operation::Delete);
}

#[test]
fn at_every_step_of_a_provision_over_podman() {
    let podman = Way {
        place: || Place::in_containers(Make::Podman),
        counts: |step| step.to == "socket",
        ..DOCKER
    };
    walk(&podman, Operation::Create);
}

#[track_caller]
fn assert_died_at(steps: &[Step], expected: &[(&str, &str)]) {
    for (call, to) in expected {
        let found = steps
            .iter()
            .any(|step| step.call == *call && step.to == *to);
        assert!(found, "no walk ended at {call} {to}: {steps:#?}");
    }
}

/// Walks one step further each time, until the operation is done before the walk is. Gives the steps that were died at.
fn walk(way: &Way, operation: Operation) -> Vec<Step> {
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
fn die_at(way: &Way, place: &Place, operation: Operation, most: usize) -> Option<Step> {
    let subject = Subject::new(place, most);
    let platform = place.world.serve();
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
    let platform = place.world.serve();
    subject.check(&platform, operation, answer.ok(), &at);
    subject.tidy_up(&platform, &at);
    platform.end(Signal::KILL);
    (!done).then(|| last.clone())
}
