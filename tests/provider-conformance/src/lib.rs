//! The conformance suite for providers: plugins that ask a service over HTTP for tokens or for the values of variables.
//!
//! It loads the real `.so` through the host's `boot`, with the real HTTP service, broker, chain and redactor, and stands as
//! a proxy between the plugin and its server, where it counts requests and breaks them.
//!
//! 1. A plugin's `tests/conformance.rs` implements [`Subject`]: its server, its config, what it hands out.
//! 2. [`suite!`] makes a test of each [`Case`], for each [`Way`] in which the plugin hands something out.
//! 3. What a provider cannot do it declares as an [`Exception`]. Then its page must say so, and the case must really fail.
//! 4. After each case, whatever it was, everything that was secret in it is searched for in the log.
//!
//! The README says how to add a provider in ten minutes.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "this is what tests are made of, and a test fails by panicking"
)]

mod ask;
mod case;
mod cases;
mod declared;
mod log;
mod plugin;
mod proxy;
mod search;
mod subject;
mod world;

pub use crate::{
    ask::Given,
    case::{Case, run},
    declared::Exception,
    plugin::secret_file,
    subject::{How, Life, Refusal, Subject, Throttle, Way},
};

/// A test for each case: `suite!(tokens: Github);`, `suite!(variables: Github);`, or both.
#[macro_export]
macro_rules! suite {
    (tokens: $subject:ident) => {
        mod tokens {
            $crate::tests!($subject, $crate::Way::Tokens);
        }
    };
    (variables: $subject:ident) => {
        mod variables {
            $crate::tests!($subject, $crate::Way::Variables);
        }
    };
}

/// What [`suite!`] expands to.
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ($subject:ident, $way:expr) => {
        $crate::tests!($subject, $way,
            fresh Fresh, cached Cached, about_to_expire AboutToExpire, expired Expired, refused Refused,
            throttled Throttled, slow Slow, cut_in_the_middle CutInTheMiddle, garbage Garbage, huge_body HugeBody,
            clock_skew ClockSkew, a_thousand_at_once ThousandAtOnce, down_at_boot DownAtBoot, no_secret_in_the_log NoSecretInTheLog);
    };
    ($subject:ident, $way:expr, $($name:ident $case:ident),+) => {
        $(
            #[test]
            fn $name() {
                $crate::run::<super::$subject>($way, $crate::Case::$case);
            }
        )+
    };
}
