//! Names of variables, and prefixes of names.

use std::fmt;

use super::{shown, valid_name};

/// A name, or all names with a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPattern {
    /// This name.
    Exact(Box<str>),
    /// Every name that starts with this; empty = every name.
    Prefix(Box<str>),
}

impl KeyPattern {
    /// Parses `NAME`, `PREFIX*` or `*`.
    ///
    /// # Errors
    /// The text is none of these.
    pub fn parse(text: &str) -> Result<Self, KeyPatternError> {
        match text.strip_suffix('*') {
            Some("") => Ok(Self::Prefix("".into())),
            Some(prefix) if valid_name(prefix) => Ok(Self::Prefix(prefix.into())),
            None if valid_name(text) => Ok(Self::Exact(text.into())),
            Some(_) | None => Err(KeyPatternError { found: shown(text) }),
        }
    }

    /// Whether the pattern takes in `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => **exact == *name,
            Self::Prefix(prefix) => name.starts_with(&**prefix),
        }
    }

    /// Whether every name that `other` takes in, this one takes in too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Exact(name) => self.matches(name),
            Self::Prefix(theirs) => match self {
                Self::Exact(_) => false,
                Self::Prefix(ours) => theirs.starts_with(&**ours),
            },
        }
    }

    /// Whether some name is taken in by both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// A text that is not a key pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a variable name (letters, digits and _, no digit in front), or such a prefix followed by *, or * alone, found {found:?}; correct the pattern"
)]
pub struct KeyPatternError {
    found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_parse_and_show_themselves() {
        for text in ["A", "OTEL_*", "*"] {
            assert_eq!(KeyPattern::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "A*B", "**", "1*", "A B"] {
            let error = KeyPattern::parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("found {text:?}")), "{error}");
        }
    }

    #[test]
    fn covering_and_meeting() {
        let p = |text| KeyPattern::parse(text).unwrap();
        for (wide, narrow) in [
            ("*", "*"),
            ("*", "A"),
            ("A*", "AB*"),
            ("A*", "A"),
            ("A", "A"),
        ] {
            assert!(
                p(wide).covers(&p(narrow)) && p(narrow).meets(&p(wide)),
                "{wide} {narrow}"
            );
        }
        for (one, other) in [("A", "A*"), ("A", "*"), ("AB*", "A*")] {
            assert!(
                !p(one).covers(&p(other)) && p(one).meets(&p(other)),
                "{one} {other}"
            );
        }
        for (one, other) in [("A", "B"), ("A*", "B*"), ("A*", "BA")] {
            assert!(
                !p(one).covers(&p(other)) && !p(one).meets(&p(other)),
                "{one} {other}"
            );
        }
    }
}
