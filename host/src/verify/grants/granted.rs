//! What the operator grants of it.

use super::Making;
use crate::{mismatch::Mismatch, policy::Policy};

/// One of the `grant_*` lists of a plugin, and what holds if there is none.
pub(super) struct Granted<'a> {
    pub(super) texts: Option<&'a Vec<String>>,
    pub(super) policy: &'a Policy,
}

impl Making<'_> {
    pub(super) fn policy_patterns<P>(
        &mut self,
        field: &str,
        texts: &[String],
        parse: impl Fn(&str) -> Result<P, String>,
    ) -> Vec<P> {
        let mut patterns = Vec::new();
        for text in texts {
            match parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.mismatches.push(Mismatch::new(
                    format!("patterns in {field} of the policy"),
                    format!("{text:?} ({error})"),
                    "correct the policy",
                )),
            }
        }
        patterns
    }

    /// Each declared pattern as far as it is granted.
    pub(super) fn cut<P: Clone + PartialEq + std::fmt::Display>(
        &mut self,
        (what, field): (&str, &str),
        declared: Vec<P>,
        granted: &Granted<'_>,
        parse: impl Fn(&str) -> Result<P, String>,
        covers: impl Fn(&P, &P) -> bool,
    ) -> Vec<P> {
        let granted = match granted.texts {
            Some(texts) => self.policy_patterns(field, texts, parse),
            None if granted.policy.require_grants => Vec::new(),
            None => return declared,
        };
        let mut kept: Vec<P> = Vec::new();
        for pattern in declared {
            let parts: Vec<P> = if granted.iter().any(|grant| covers(grant, &pattern)) {
                vec![pattern.clone()]
            } else {
                granted
                    .iter()
                    .filter(|grant| covers(&pattern, grant))
                    .cloned()
                    .collect()
            };
            if parts.is_empty() {
                self.warnings.push(format!(
                    "expected that {field} covers what the plugin declares, found no grant for {what} {pattern}; it will be refused when the plugin uses it"
                ));
            }
            kept.extend(parts);
        }
        kept
    }
}
