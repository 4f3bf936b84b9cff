//! What the edits come to: the environment, and for each key who set it and who overrode whom.
//!
//! Worked out once, after the last plugin, so that no `set` pays for it.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

use super::{BaseOrigin, Edits, edits::Edit};
use crate::{redact::is_secret_name, secret::Secret};

/// Who set a variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The user of the workspace, or the platform.
    Base(BaseOrigin),
    /// The plugin of this name.
    Plugin(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base(origin) => origin.fmt(f),
            Self::Plugin(name) => write!(f, "plugin {name}"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The history of one variable. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The variable.
    pub key: String,
    /// Who set, or removed, it last.
    pub set_by: Source,
    /// Whose setting that replaced, oldest first. Who changed its own setting is not repeated.
    pub overrode: Vec<Source>,
    /// It is a secret: someone on the way said so, or its name does.
    pub secret: bool,
    /// It was removed.
    pub removed: bool,
}

/// The value of one variable. Held in memory that is wiped, secret or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvValue {
    /// The value.
    pub value: Secret,
    /// It must not be shown.
    pub secret: bool,
}

/// A plugin replaced or removed what another one, the user or the platform had set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The variable.
    pub key: String,
    /// Index of the plugin in its registry.
    pub owner: usize,
    /// The plugin.
    pub plugin: String,
    /// Whose setting it replaced.
    pub over: Source,
}

/// What a run comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The environment, sorted by name.
    pub env: Vec<(String, EnvValue)>,
    /// One entry for each variable that was set or removed, sorted by name.
    pub provenance: Vec<Provenance>,
    /// In the order in which they came about.
    pub conflicts: Vec<Conflict>,
}

/// Works out what `edits` come to; `name` gives the name of the plugin with an index.
#[must_use]
pub fn resolve<'n>(edits: &Edits, name: impl Fn(usize) -> &'n str) -> Resolved {
    let mut histories = base_histories(edits);
    let mut conflicts = Vec::new();
    for Edit {
        key,
        value,
        owner,
        secret,
    } in edits.edits()
    {
        let owner = owner as usize;
        let source = Source::Plugin(name(owner).to_owned());
        let history = histories.entry(key).or_default();
        history.value = value;
        history.secret |= secret;
        if history.sources.last() == Some(&source) {
            continue;
        }
        if let Some(over) = history.sources.last() {
            conflicts.push(Conflict {
                key: key.to_owned(),
                owner,
                plugin: name(owner).to_owned(),
                over: over.clone(),
            });
        }
        history.sources.push(source);
    }
    let mut resolved = Resolved {
        conflicts,
        ..Resolved::default()
    };
    for (key, history) in histories {
        resolved.add(key, history);
    }
    resolved
}

#[derive(Default)]
struct History<'a> {
    value: Option<&'a str>,
    secret: bool,
    /// Oldest first, no two neighbours the same.
    sources: Vec<Source>,
}

fn base_histories(edits: &Edits) -> BTreeMap<&str, History<'_>> {
    let variables = edits.base().into_iter().flat_map(|base| base.variables());
    variables
        .map(|(key, variable)| {
            let sources = variable
                .over
                .into_iter()
                .chain([variable.origin])
                .map(Source::Base)
                .collect();
            (
                key,
                History {
                    value: Some(variable.value.expose()),
                    secret: variable.secret,
                    sources,
                },
            )
        })
        .collect()
}

impl Resolved {
    fn add(&mut self, key: &str, mut history: History<'_>) {
        let Some(set_by) = history.sources.pop() else {
            return;
        };
        let secret = history.secret || is_secret_name(key);
        self.provenance.push(Provenance {
            key: key.to_owned(),
            set_by,
            overrode: history.sources,
            secret,
            removed: history.value.is_none(),
        });
        if let Some(value) = history.value {
            self.env.push((
                key.to_owned(),
                EnvValue {
                    value: Secret::new(value),
                    secret,
                },
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::env::{BaseEnv, KeyRules};

    const NAMES: [&str; 2] = ["first", "second"];

    fn plugin(name: &str) -> Source {
        Source::Plugin(name.to_owned())
    }

    fn run(edit: impl Fn(usize, &mut Edits)) -> Resolved {
        let mut base = BaseEnv::new();
        base.insert(BaseOrigin::Workspace, "USER", Secret::new("u"), true)
            .unwrap();
        base.insert(BaseOrigin::Platform, "HOST", Secret::new("h"), false)
            .unwrap();
        let mut edits = Edits::new(Arc::new(base));
        let rules = Arc::new(KeyRules::unrestricted());
        for owner in [0, 1] {
            edits.begin(owner, &rules);
            edit(owner as usize, &mut edits);
            edits.commit().unwrap();
        }
        resolve(&edits, |owner| NAMES[owner])
    }

    #[test]
    fn names_who_set_and_who_overrode_whom() {
        let resolved = run(|owner, edits| {
            edits.set("VAR", "1", false).unwrap();
            edits.set("VAR", "2", false).unwrap();
            if owner == 1 {
                edits.set("USER", "mine", false).unwrap();
            }
        });
        let [host, user, key] = &resolved.provenance[..] else {
            panic!("{resolved:?}")
        };
        assert_eq!(
            (&host.set_by, &host.overrode[..]),
            (&Source::Base(BaseOrigin::Platform), &[][..])
        );
        assert_eq!(
            (&key.set_by, &key.overrode[..]),
            (&plugin("second"), &[plugin("first")][..])
        );
        assert_eq!(
            (&user.set_by, &user.overrode[..]),
            (
                &plugin("second"),
                &[Source::Base(BaseOrigin::Workspace)][..]
            )
        );
        assert!(user.secret, "an override of a secret stays secret");
        assert_eq!(resolved.conflicts.len(), 2);
        assert_eq!(resolved.conflicts[0].over, plugin("first"));
    }

    #[test]
    fn a_key_that_was_secret_stays_so_even_when_removed_in_between() {
        let resolved = run(|owner, edits| match owner {
            0 => {
                edits.set("VAR", "hidden", true).unwrap();
                edits.unset("VAR").unwrap();
            }
            _ => edits.set("VAR", "shown", false).unwrap(),
        });
        let (_, value) = resolved.env.iter().find(|(key, _)| key == "VAR").unwrap();
        assert!(value.secret);
    }

    #[test]
    fn a_removed_variable_is_in_the_provenance_only() {
        let resolved = run(|_, edits| edits.unset("HOST").unwrap());
        assert!(resolved.env.iter().all(|(key, _)| key != "HOST"));
        let host = resolved
            .provenance
            .iter()
            .find(|p| p.key == "HOST")
            .unwrap();
        assert!(host.removed && host.set_by == plugin("second") && host.overrode.len() == 2);
    }
}
