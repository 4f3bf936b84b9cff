//! What a call allows: whether something may be changed at GitLab, and how long that may take.

use std::time::Duration;

use provisionhook_plugin_abi::sdk::{Call, Host};

/// With less than this left nothing is begun whose answer must not be lost.
const LEAST: Duration = Duration::from_secs(5);
/// Kept back, to write down what was answered.
const RESERVE: Duration = Duration::from_secs(2);
/// The longest wait for an answer that must not be lost.
const LONGEST: Duration = Duration::from_secs(15);

/// How much a call can bear.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    dry: bool,
    left: Option<Duration>,
}

impl Patience {
    /// A call without an end, in which everything may be done.
    pub const ENDLESS: Self = Self {
        dry: false,
        left: None,
    };
    /// A call that may look, and change nothing.
    pub const LOOK_ONLY: Self = Self {
        dry: true,
        left: None,
    };

    /// What the host's call allows now.
    #[must_use]
    pub fn of(host: &Host, call: &Call<'_>) -> Self {
        Self {
            dry: call.is_dry_run(),
            left: host.clock().remaining(call),
        }
    }

    /// A call that ends so soon.
    #[must_use]
    pub fn short(left: Duration) -> Self {
        Self {
            dry: false,
            left: Some(left),
        }
    }

    /// Whether it is a dry run.
    #[must_use]
    pub fn is_dry(self) -> bool {
        self.dry
    }

    /// How long an answer may take that can be done without if it is lost; none in a dry run, which asks for nothing.
    #[must_use]
    pub fn to_try(self) -> Option<Duration> {
        let left = self.left.map_or(LONGEST, |left| left.min(LONGEST));
        (!self.dry).then_some(left)
    }

    /// How long an answer may take that must not be lost; none if it must not be asked for.
    #[must_use]
    pub fn to_change(self) -> Option<Duration> {
        match self.left {
            _ if self.dry => None,
            None => Some(LONGEST),
            Some(left) if left < LEAST => None,
            Some(left) => Some((left - RESERVE).min(LONGEST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_changed_in_a_dry_run_or_at_the_last_moment() {
        assert_eq!(Patience::LOOK_ONLY.to_change(), None);
        assert_eq!(Patience::short(Duration::from_secs(4)).to_change(), None);
        let short = Patience::short(Duration::from_secs(10));
        assert_eq!(short.to_change(), Some(Duration::from_secs(8)));
        assert_eq!(Patience::ENDLESS.to_change(), Some(LONGEST));
        assert_eq!(Patience::LOOK_ONLY.to_try(), None);
        let second = Duration::from_secs(1);
        assert_eq!(Patience::short(second).to_try(), Some(second));
    }
}
