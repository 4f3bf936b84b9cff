//! Keeps a panic of the host from leaving a function that a plugin called: unwinding out of `extern "C"` ends the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`; if it panics, the plugin gets `fallback`. The host's panic hook has logged it by then.
#[inline]
pub(super) fn guard<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    // Unwind safety: what the body may leave half done is the state of one call, which then fails.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_fallback() {
        assert_eq!(guard(7, || panic!("a defect of the host")), 7);
        assert_eq!(guard(7, || 8), 8);
    }
}
