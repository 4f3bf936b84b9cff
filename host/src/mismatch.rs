//! One thing that is not as the host expects it: expected, found, what to do. Every stage that a plugin passes reports with these.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// Expected, found, what to do. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mismatch {
    /// What the host expects.
    pub expected: String,
    /// What it found instead.
    pub found: String,
    /// What the operator, or the plugin's author, can do; in the imperative.
    pub remedy: String,
}

impl Mismatch {
    /// A mismatch of these three parts.
    pub fn new(
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            expected: expected.into(),
            found: found.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected {}, found {}; {}",
            self.expected, self.found, self.remedy
        )
    }
}

/// All mismatches that one stage found at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Mismatches(pub Vec<Mismatch>);

impl Mismatches {
    /// Adds one.
    pub fn push(&mut self, mismatch: Mismatch) {
        self.0.push(mismatch);
    }

    /// Whether all was as expected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one mismatch of a check that stops at the first.
    #[must_use]
    pub fn one(mismatch: Mismatch) -> Self {
        Self(vec![mismatch])
    }
}

impl fmt::Display for Mismatches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mismatch) in self.0.iter().enumerate() {
            let lead = if at == 0 { "" } else { "; also " };
            write!(f, "{lead}{mismatch}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_told_in_one_sentence() {
        let mut all = Mismatches::one(Mismatch::new("a", "b", "do c"));
        all.push(Mismatch::new("d", "e", "do f"));
        assert_eq!(
            all.to_string(),
            "expected a, found b; do c; also expected d, found e; do f"
        );
    }
}
