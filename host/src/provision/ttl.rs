//! How long workspaces may run: what a user asks for, within what the operator allows.

use std::time::Duration;

use crate::{
    provision::{Fields, Problem},
    schema::{Field, number, words},
    store::{AfterTtl, WorkspaceSpec},
};

/// Ten years, in seconds: beyond it nobody means a time to live.
const LONGEST: u64 = 10 * 366 * 24 * 60 * 60;

/// How long a run may last.
pub(super) const SECONDS: Field = Field::new(
    "ttl_seconds",
    "How long a run may last, counted from its start by the clock on the wall. Without it the operator's `workspace.default_ttl` \
     holds; `workspace.max_ttl` is the most that can be asked for.",
    || number(1, LONGEST),
);
/// What becomes of the workspace then.
pub(super) const AFTER: Field = Field::new(
    "after_ttl",
    "What becomes of the workspace then: `stop` leaves its files and its record. Only with a time to live.",
    || words(&AfterTtl::ALL.map(AfterTtl::as_str)),
);

/// What the operator says about times to live.
#[derive(Clone, Copy, Debug, Default)]
pub struct TtlSettings {
    /// Of a workspace that asks for none. None: as long as it runs.
    pub default: Option<Duration>,
    /// The longest. It is also that of a workspace that asks for none where there is no default.
    pub max: Option<Duration>,
    /// What becomes of a workspace that does not say.
    pub after: AfterTtl,
}

impl TtlSettings {
    /// What is wrong with the time to live of a new workspace.
    pub(super) fn problem(&self, spec: &WorkspaceSpec) -> Option<Problem> {
        let max = self.max.map(|max| max.as_secs());
        if let (Some(asked), Some(max)) = (
            spec.ttl_seconds,
            max.filter(|max| spec.ttl_seconds > Some(*max)),
        ) {
            let problem = format!(
                "expected at most {max}, which is what the operator allows, found {asked}: ask for less"
            );
            return Some(Problem::new("ttl_seconds", problem));
        }
        let unlimited = self.effective(spec).is_none();
        (spec.after_ttl.is_some() && unlimited).then(|| {
            let problem = "expected a time to live with it, found none: give `ttl_seconds`, too";
            Problem::new("after_ttl", problem)
        })
    }

    /// Fills in what the user has not said.
    pub(super) fn apply(&self, spec: &mut WorkspaceSpec) {
        spec.ttl_seconds = self.effective(spec);
        spec.after_ttl = spec
            .ttl_seconds
            .map(|_| spec.after_ttl.unwrap_or(self.after));
    }

    fn effective(&self, spec: &WorkspaceSpec) -> Option<u64> {
        let of_operator = self.default.or(self.max);
        spec.ttl_seconds
            .or(of_operator.map(|ttl| ttl.as_secs().max(1)))
    }
}

/// Reads [`SECONDS`].
pub(super) fn seconds(fields: &mut Fields) -> Option<u64> {
    fields.number(SECONDS.name, 1..=LONGEST)
}

/// Reads [`AFTER`].
pub(super) fn after(fields: &mut Fields) -> Option<AfterTtl> {
    let text = fields.text(AFTER.name)?;
    let after = AfterTtl::ALL
        .into_iter()
        .find(|after| after.as_str() == text);
    let refused = "expected \"stop\" or \"delete\", found another word: choose one";
    fields.keep(AFTER.name, after.ok_or(refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(ttl_seconds: Option<u64>, after_ttl: Option<AfterTtl>) -> WorkspaceSpec {
        let spec = r#"{"runtime":"local","command":["x"]}"#;
        WorkspaceSpec {
            ttl_seconds,
            after_ttl,
            ..serde_json::from_str(spec).unwrap()
        }
    }

    fn settings(default: Option<u64>, max: Option<u64>) -> TtlSettings {
        TtlSettings {
            default: default.map(Duration::from_secs),
            max: max.map(Duration::from_secs),
            after: AfterTtl::Delete,
        }
    }

    #[test]
    fn the_users_word_counts_up_to_the_operators_limit() {
        for (default, max, asked, expected) in [
            (None, None, None, None),
            (None, None, Some(5), Some(5)),
            (Some(7), None, None, Some(7)),
            (Some(7), None, Some(5), Some(5)),
            (None, Some(9), None, Some(9)),
            (Some(7), Some(9), None, Some(7)),
            (Some(7), Some(9), Some(9), Some(9)),
        ] {
            let (settings, mut spec) = (settings(default, max), spec(asked, None));
            assert_eq!(settings.problem(&spec), None);
            settings.apply(&mut spec);
            assert_eq!(spec.ttl_seconds, expected);
            assert_eq!(spec.after_ttl, expected.map(|_| AfterTtl::Delete));
        }
        let problem = settings(None, Some(9))
            .problem(&spec(Some(10), None))
            .unwrap();
        assert!(problem.problem.contains("at most 9"), "{problem:?}");
    }

    #[test]
    fn an_end_without_a_time_is_refused() {
        let spec = spec(None, Some(AfterTtl::Stop));
        assert_eq!(
            settings(None, None).problem(&spec).unwrap().field,
            "after_ttl"
        );
        assert_eq!(settings(Some(1), None).problem(&spec), None);
    }
}
