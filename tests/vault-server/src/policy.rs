//! Policies: which token may do what where.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a rule allows.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// `POST` or `PUT` of what is not there yet.
    Create,
    /// `GET`.
    Read,
    /// `POST` or `PUT`.
    Update,
    /// `DELETE`.
    Delete,
    /// `LIST`, or `GET` with `list=true`.
    List,
    /// Paths that need root.
    Sudo,
    /// Nothing, whatever other rules for the same path say.
    Deny,
}

/// Paths, and what is allowed there: `+` stands for one segment, `*` at the end for any rest.
pub type Rules = BTreeMap<String, Vec<Capability>>;

/// What every token may do unless it was made without: the paths of Vault's own `default` policy that this server knows.
pub(crate) fn default_rules() -> Rules {
    let update = [
        "auth/token/renew-self",
        "auth/token/revoke-self",
        "sys/renew",
        "sys/leases/renew",
        "sys/leases/lookup",
        "sys/wrapping/wrap",
        "sys/wrapping/lookup",
        "sys/wrapping/unwrap",
    ];
    let mut rules: Rules = update
        .map(|path| (path.to_owned(), vec![Capability::Update]))
        .into();
    rules.insert("auth/token/lookup-self".to_owned(), vec![Capability::Read]);
    rules
}

/// Whether one of `wanted` is allowed on `path`. Of all rules that match, the most specific pattern decides, in whatever policy it stands.
pub(crate) fn allows<'r>(
    policies: impl IntoIterator<Item = &'r Rules>,
    path: &str,
    wanted: &[Capability],
) -> bool {
    let mut best: Option<((bool, usize, usize), Vec<Capability>)> = None;
    for (pattern, capabilities) in policies.into_iter().flatten() {
        if !matches(pattern, path) {
            continue;
        }
        let rank = specificity(pattern);
        match &mut best {
            Some((known, granted)) if *known == rank => granted.extend(capabilities),
            Some((known, _)) if *known > rank => {}
            Some(_) | None => best = Some((rank, capabilities.clone())),
        }
    }
    best.is_some_and(|(_, granted)| {
        !granted.contains(&Capability::Deny)
            && wanted.iter().any(|capability| granted.contains(capability))
    })
}

/// Whether any rule lets a token do something at `prefix` or below it.
pub(crate) fn reaches<'r>(policies: impl IntoIterator<Item = &'r Rules>, prefix: &str) -> bool {
    policies
        .into_iter()
        .flatten()
        .filter(|(_, capabilities)| !capabilities.contains(&Capability::Deny))
        .any(|(pattern, _)| {
            let fixed = pattern.split(['*', '+']).next().unwrap_or_default();
            fixed.starts_with(prefix) || (fixed.len() < pattern.len() && prefix.starts_with(fixed))
        })
}

fn specificity(pattern: &str) -> (bool, usize, usize) {
    let first_wildcard = pattern.find(['*', '+']).unwrap_or(pattern.len());
    (
        first_wildcard == pattern.len(),
        first_wildcard,
        pattern.len(),
    )
}

fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, open) = match pattern.strip_suffix('*') {
        Some(prefix) => (prefix, true),
        None => (pattern, false),
    };
    let mut wanted = pattern.split('/').peekable();
    let mut found = path.split('/');
    while let Some(segment) = wanted.next() {
        let Some(there) = found.next() else {
            return false;
        };
        let last = wanted.peek().is_none();
        let fits = if last && open {
            there.starts_with(segment)
        } else {
            segment == there || (segment == "+" && !there.is_empty())
        };
        if !fits {
            return false;
        }
    }
    open || found.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, path, expected) in [
            ("secret/a", "secret/a", true),
            ("secret/a", "secret/ab", false),
            ("secret/*", "secret/a/b", true),
            ("secret/a*", "secret/abc/d", true),
            ("secret/+/b", "secret/a/b", true),
            ("secret/+/b", "secret/a/c/b", false),
            ("secret/+/b/*", "secret/a/b/c", true),
            ("secret/*", "secret", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_most_specific_rule_decides_and_deny_wins_there() {
        let rules = |entries: &[(&str, &[Capability])]| -> Rules {
            entries
                .iter()
                .map(|(path, capabilities)| ((*path).to_owned(), capabilities.to_vec()))
                .collect()
        };
        let wide = rules(&[("secret/*", &[Capability::Read])]);
        let narrow = rules(&[("secret/prod/*", &[Capability::Deny])]);
        assert!(allows([&wide], "secret/prod/a", &[Capability::Read]));
        assert!(!allows(
            [&wide, &narrow],
            "secret/prod/a",
            &[Capability::Read]
        ));
        assert!(allows([&wide, &narrow], "secret/a", &[Capability::Read]));
        assert!(!allows([&wide], "secret/a", &[Capability::Update]));
        assert!(!allows([], "secret/a", &[Capability::Read]));
        assert!(reaches([&wide], "secret/") && !reaches([&wide], "kv/"));
        assert!(!reaches([&narrow], "secret/"));
    }
}
