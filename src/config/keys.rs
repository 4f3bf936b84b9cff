//! Every key that exists, with its type and what it is for: one table for the unknown-key check, the environment
//! overrides, and `doctor --keys`.

mod kubernetes;
mod table;

use self::{kubernetes::KUBERNETES, table::COMMON};

/// Every key.
pub(crate) const KEYS: &[Key] = &join::<{ COMMON.len() + KUBERNETES.len() }>(&[COMMON, KUBERNETES]);

/// How the text of an environment variable becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Boolean,
    Integer,
    /// `2s`, `500ms`, `1h 30m`.
    Duration,
    /// Comma-separated in the environment, an array in the file.
    List,
    /// A table with free keys; only in the file, and hidden wherever it is shown.
    Map,
    /// Text, or `{ "$file" = … }`, or `{ "$env" = … }`; hidden wherever it is shown.
    Secret,
}

impl Kind {
    /// Whether a value may be a secret, and is shown nowhere.
    pub(crate) const fn is_hidden(self) -> bool {
        matches!(self, Self::Secret | Self::Map)
    }

    /// What a wrong value is told.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Duration => "a duration such as `2s` or `500ms`",
            Self::List => "a list of strings (comma-separated in the environment)",
            Self::Map => "a table of strings",
            Self::Secret => "a string, or { \"$file\" = \"path\" }, or { \"$env\" = \"NAME\" }",
        }
    }
}

/// One key. In the name, `*` stands for a plugin's name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
}

const fn key(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { name, kind, help }
}

/// The tables one after the other.
const fn join<const N: usize>(tables: &[&[Key]]) -> [Key; N] {
    let mut all = [tables[0][0]; N];
    let (mut table, mut row, mut at) = (0, 0, 0);
    while at < N {
        if row == tables[table].len() {
            (table, row) = (table + 1, 0);
        } else {
            all[at] = tables[table][row];
            (row, at) = (row + 1, at + 1);
        }
    }
    all
}

/// The key with this dotted name, a plugin's name standing for `*`.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| matches(key.name, name))
}

/// The known name that is most like `name`, if any is like it.
pub(crate) fn nearest(name: &str) -> Option<String> {
    let candidates = KEYS.iter().map(|key| in_terms_of(key.name, name));
    closest(name, candidates)
}

/// The one of `candidates` that is most like `word`, if any is like it.
pub(crate) fn closest(word: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, &candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name
            .strip_prefix(head)
            .and_then(|rest| rest.strip_suffix(tail))
            .is_some_and(|plugin| !plugin.is_empty() && !plugin.contains('.')),
    }
}

/// The pattern with the name that `name` speaks of put in for `*`.
fn in_terms_of(pattern: &str, name: &str) -> String {
    let (head, _) = pattern.split_once('*').unwrap_or_default();
    let given = name
        .strip_prefix(head)
        .and_then(|rest| rest.split('.').next());
    pattern.replace('*', given.unwrap_or("NAME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_guide_lists_every_key_and_no_other() {
        let rows: String = KEYS
            .iter()
            .map(|key| format!("| `{}` | {} |\n", key.name, key.help.replace('|', "\\|")))
            .collect();
        let table = format!("| key | meaning (default) |\n|---|---|\n{rows}\n");
        assert!(
            include_str!("../../docs/operating.md").contains(&table),
            "docs/operating.md: expected this table:\n{table}"
        );
    }
}
