//! The service refuses this provider.

use provisionhook_host::fault::FaultKind;

use super::broken::each_request;
use crate::{
    How, Refusal, Subject, Way,
    ask::Failure,
    proxy::Mischief,
    world::{Plan, World},
};

pub(crate) fn refused<S: Subject>(way: Way) {
    let refusals = World::<S>::new(way).subject.refusals();
    assert!(
        !refusals.is_empty(),
        "expected at least one way in which the service refuses"
    );
    for refusal in refusals {
        match &refusal.how {
            How::Server => by_the_server::<S>(way, &refusal),
            How::Answer {
                status,
                headers,
                body,
            } => {
                let answer = Mischief::Answer {
                    status: *status,
                    headers: headers.clone(),
                    body: body.clone(),
                };
                each_request::<S>(way, Plan::default, answer, |_, failure| {
                    judge(&refusal, failure)
                });
            }
        }
    }
}

fn by_the_server<S: Subject>(way: Way, refusal: &Refusal) {
    let world = World::<S>::new(way);
    world.subject.set_refusing(refusal.what, true);
    let failure = world
        .ask()
        .err()
        .unwrap_or_else(|| panic!("{}: expected a fault, found none", refusal.what));
    world.assert_discreet(&failure);
    judge(refusal, &failure);
    world.subject.set_refusing(refusal.what, false);
    world.subject.check(&world.recovered());
    world.finish();
}

fn judge(refusal: &Refusal, failure: &Failure) {
    let Refusal {
        what, kind, says, ..
    } = refusal;
    assert!(
        *kind != FaultKind::Transient,
        "{what}: a refusal does not mend itself, so it is not transient"
    );
    assert_eq!(failure.kind, *kind, "{what}: {failure:?}");
    assert!(
        failure.message.contains(says),
        "{what}: expected {says:?} in {failure:?}"
    );
}
