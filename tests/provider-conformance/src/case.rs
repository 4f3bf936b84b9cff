//! The cases, and how one is run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Subject, Way, cases, declared};

/// What every provider must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// The first ask gets what the server has, with the right end.
    Fresh,
    /// The second ask causes no request.
    Cached,
    /// A new one comes ahead of the end, with the requests of one ask.
    AboutToExpire,
    /// What has ended is not handed out, even if there is nothing else.
    Expired,
    /// The right kind of fault, with a message for an operator.
    Refused,
    /// The wait that the service asks for is obeyed, and nothing is asked meanwhile.
    Throttled,
    /// The call ends in time, and a later one works.
    Slow,
    /// The connection ends in the middle of the answer.
    CutInTheMiddle,
    /// 200 with a page of HTML.
    Garbage,
    /// An answer without end.
    HugeBody,
    /// The server's clock is five minutes away, either way.
    ClockSkew,
    /// A thousand workspaces cause the requests of one.
    ThousandAtOnce,
    /// The server is away while the plugin is loaded.
    DownAtBoot,
    /// The server shows everything that it was sent and that it knows, and none of it is logged or said.
    NoSecretInTheLog,
}

/// Runs the case; panics if the provider does not do what it must. Must not be called inside a tokio runtime.
pub fn run<S: Subject>(way: Way, case: Case) {
    let Some(sentence) = declared::sentence::<S>(way, case) else {
        return carry_out::<S>(way, case);
    };
    declared::check_page(S::PLUGIN, sentence);
    let failed = catch_unwind(AssertUnwindSafe(|| carry_out::<S>(way, case))).is_err();
    assert!(
        failed,
        "{} declares that it cannot do {case:?} for {way:?}, and it can: take the exception out, and {sentence:?} from its page",
        S::PLUGIN
    );
}

fn carry_out<S: Subject>(way: Way, case: Case) {
    match case {
        Case::Fresh => cases::good::fresh::<S>(way),
        Case::Cached => cases::good::cached::<S>(way),
        Case::AboutToExpire => cases::expiry::about_to_expire::<S>(way),
        Case::Expired => cases::expiry::expired::<S>(way),
        Case::Refused => cases::refused::refused::<S>(way),
        Case::Throttled => cases::throttled::throttled::<S>(way),
        Case::Slow => cases::broken::slow::<S>(way),
        Case::CutInTheMiddle => cases::broken::cut_in_the_middle::<S>(way),
        Case::Garbage => cases::broken::garbage::<S>(way),
        Case::HugeBody => cases::broken::huge_body::<S>(way),
        Case::ClockSkew => cases::clock::skew::<S>(way),
        Case::ThousandAtOnce => cases::crowd::a_thousand_at_once::<S>(way),
        Case::DownAtBoot => cases::broken::down_at_boot::<S>(way),
        Case::NoSecretInTheLog => cases::leak::no_secret_in_the_log::<S>(way),
    }
}
