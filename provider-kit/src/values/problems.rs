//! What went wrong with several secrets, told at once.

use std::fmt;

use provisionhook_plugin_abi::{sdk::Fault, wire::FaultKind};

/// Most are enough: a log line has its limits.
const MOST_TOLD: usize = 20;

/// Problems, each with the secret that it is about.
#[derive(Debug, Default)]
pub struct Problems(Vec<(String, Fault)>);

impl Problems {
    /// Notes one.
    pub fn add(&mut self, secret: impl fmt::Display, fault: Fault) {
        self.0.push((secret.to_string(), fault));
    }

    /// Fine if there are none. `of` is how many secrets there should be.
    ///
    /// # Errors
    /// One fault with all of them. Its kind is that of the one that needs somebody most: `config` before `denied`, before
    /// `internal`, before `transient`.
    pub fn none(mut self, of: usize) -> Result<(), Fault> {
        let order = [FaultKind::CONFIG, FaultKind::DENIED, FaultKind::INTERNAL];
        let rank = |kind| {
            order
                .iter()
                .position(|known| *known == kind)
                .unwrap_or(order.len())
        };
        let Some(kind) = self
            .0
            .iter()
            .map(|(_, fault)| fault.kind())
            .min_by_key(|kind| rank(*kind))
        else {
            return Ok(());
        };
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        let message = self.message(of);
        let wait = self
            .0
            .iter()
            .filter_map(|(_, fault)| fault.retry_delay())
            .max();
        let fault = match kind {
            FaultKind::CONFIG => Fault::config(message),
            FaultKind::DENIED => Fault::denied(message),
            FaultKind::INTERNAL => Fault::internal(message),
            _ => Fault::transient(message),
        };
        Err(match wait {
            Some(wait) => fault.retry_after(wait),
            None => fault,
        })
    }

    fn message(&self, of: usize) -> String {
        let told: Vec<String> = self
            .0
            .iter()
            .take(MOST_TOLD)
            .map(|(secret, fault)| format!("{secret}: {fault}"))
            .collect();
        let told = told.join("; ");
        if let [_] = self.0.as_slice() {
            return told;
        }
        let more = match self.0.len().checked_sub(MOST_TOLD) {
            None | Some(0) => String::new(),
            Some(more) => format!("; and {more} more"),
        };
        format!(
            "expected {of} secrets, found {} problems: {told}{more}",
            self.0.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_kind_is_that_of_the_gravest_and_all_are_told() {
        let mut problems = Problems::default();
        problems.add(
            "b",
            Fault::transient("is throttled").retry_after(Duration::from_secs(9)),
        );
        problems.add("c", Fault::denied("is refused"));
        problems.add("a", Fault::config("is not there"));
        let fault = problems.none(5).unwrap_err();
        assert_eq!(
            (fault.kind(), fault.retry_delay()),
            (FaultKind::CONFIG, Some(Duration::from_secs(9)))
        );
        assert_eq!(
            fault.message(),
            "expected 5 secrets, found 3 problems: a: is not there; b: is throttled; c: is refused"
        );
    }

    #[test]
    fn one_is_told_plainly_none_is_fine_and_many_are_cut() {
        Problems::default().none(1).unwrap();
        let mut one = Problems::default();
        one.add("a", Fault::transient("is down"));
        let fault = one.none(9).unwrap_err();
        assert_eq!(
            (fault.kind(), fault.message()),
            (FaultKind::TRANSIENT, "a: is down")
        );
        let mut many = Problems::default();
        for number in 0..25 {
            many.add(number, Fault::config("x"));
        }
        assert!(
            many.none(25)
                .unwrap_err()
                .message()
                .ends_with("; and 5 more")
        );
    }
}
