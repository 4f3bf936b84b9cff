//! Which plugins may run at the same time without a change in meaning.

use std::{ops::Range, sync::Arc};

use super::Plugin;
use crate::{env::KeyRules, manifest::Execution};

/// Neighbours in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wave {
    /// Their indexes.
    pub(crate) members: Range<usize>,
    /// Run them at the same time, not one after the other.
    pub(crate) together: bool,
}

/// Cuts the chain into waves. Members of a wave run together if none reads or writes what an earlier one writes, and if
/// two or more of them may take their time; inline plugins at the ends of such a wave are left out of it.
pub(super) fn plan(plugins: &[Arc<Plugin>]) -> Vec<Wave> {
    let mut waves = Vec::new();
    let mut alone = 0;
    let mut start = 0;
    while start < plugins.len() {
        let end = start + longest(&plugins[start..]);
        let slow: Vec<usize> = (start..end)
            .filter(|&index| is_slow(&plugins[index]))
            .collect();
        if let [first, .., last] = slow[..] {
            push(&mut waves, alone..first, false);
            push(&mut waves, first..last + 1, true);
            alone = last + 1;
        }
        start = end;
    }
    push(&mut waves, alone..plugins.len(), false);
    waves
}

fn push(waves: &mut Vec<Wave>, members: Range<usize>, together: bool) {
    if !members.is_empty() {
        waves.push(Wave { members, together });
    }
}

/// How many plugins from the first one on do not depend on one another.
fn longest(plugins: &[Arc<Plugin>]) -> usize {
    let depends = |at: usize| {
        plugins[..at]
            .iter()
            .any(|earlier| depends_on(&plugins[at].keys, &earlier.keys))
    };
    (1..plugins.len())
        .find(|&at| depends(at))
        .unwrap_or(plugins.len())
}

/// Whether `later` may see or replace what `earlier` writes. That `earlier` reads what `later` writes does no harm: it
/// does not see it.
fn depends_on(later: &KeyRules, earlier: &KeyRules) -> bool {
    let mut touched = later.reads().iter().chain(later.writes());
    touched.any(|touched| {
        earlier
            .writes()
            .iter()
            .any(|written| written.meets(touched))
    })
}

fn is_slow(plugin: &Plugin) -> bool {
    plugin.mutator.is_some() && plugin.execution != Execution::Inline
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::Call,
        capability::{EnvMutator, Outcome},
        env::{Edits, KeyPattern},
    };

    struct Nothing;

    impl EnvMutator for Nothing {
        fn mutate<'a>(&'a self, _: &'a Call, _: &'a mut Edits) -> Outcome<'a, ()> {
            Outcome::Ready(Ok(()))
        }
    }

    fn plugin(execution: Execution, reads: &str, writes: &str) -> Arc<Plugin> {
        let patterns = |list: &str| {
            list.split_whitespace()
                .map(|text| KeyPattern::parse(text).unwrap())
                .collect()
        };
        Arc::new(Plugin {
            execution,
            keys: Arc::new(KeyRules::new(patterns(reads), patterns(writes), Vec::new())),
            mutator: Some(Arc::new(Nothing)),
            ..Plugin::in_code("p")
        })
    }

    fn shape(plugins: &[Arc<Plugin>]) -> String {
        let show = |wave: &Wave| {
            format!(
                "{}{:?}",
                if wave.together { "=" } else { "-" },
                wave.members
            )
        };
        plan(plugins).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    use Execution::{Async, Blocking, Inline};

    #[test]
    fn inline_plugins_alone_are_one_sequence() {
        assert_eq!(shape(&[]), "");
        let plugins: Vec<_> = ["A", "A", "B"]
            .map(|writes| plugin(Inline, "", writes))
            .into();
        assert_eq!(shape(&plugins), "-0..3");
    }

    #[test]
    fn independent_slow_plugins_run_together() {
        let plugins = [
            plugin(Inline, "", "I"),
            plugin(Async, "C", "A"),
            plugin(Inline, "", "J"),
            plugin(Blocking, "", "B_*"),
            plugin(Async, "", "C"),
            plugin(Inline, "", "K"),
        ];
        assert_eq!(shape(&plugins), "-0..1 =1..5 -5..6");
    }

    #[test]
    fn a_dependency_begins_a_new_wave() {
        for (reads, writes) in [("A", "X"), ("", "A"), ("", "A*"), ("*", "X")] {
            let plugins = [plugin(Async, "", "A"), plugin(Async, reads, writes)];
            assert_eq!(shape(&plugins), "-0..2", "{reads} {writes}");
        }
        let plugins = ["A", "B", "A", "C"].map(|writes| plugin(Async, "", writes));
        assert_eq!(shape(&plugins), "=0..2 =2..4");
        assert_eq!(
            shape(&[plugin(Async, "", "*"), plugin(Async, "", "*")]),
            "-0..2"
        );
    }
}
