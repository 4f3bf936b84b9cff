//! A server that repeats everything it was told: an error page of a debugging proxy does, and some services' own.

use super::broken::each_broken;
use crate::{Subject, Way, proxy::Mischief, world::Plan};

pub(crate) fn no_secret_in_the_log<S: Subject>(way: Way) {
    for status in [200, 400, 401, 403, 404, 422, 500] {
        let mut failures = 0;
        // What is judged, for every world: the message, and at the end the log.
        each_broken::<S>(way, Plan::default, &Mischief::Echo(status), |_, failure| {
            failures += usize::from(failure.is_some());
        });
        assert!(
            failures > 0,
            "expected status {status} with another body to make an ask fail, found none that did"
        );
    }
}
