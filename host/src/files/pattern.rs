//! Paths, and directories with everything beneath them.

use std::fmt;

use super::{FilePath, Refused};

/// A path, or all paths beneath a directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FilePattern {
    /// This path.
    Exact(FilePath),
    /// Every path beneath this directory, however deep.
    Beneath(FilePath),
}

impl FilePattern {
    /// Parses `dir/name` or `dir/*`.
    ///
    /// # Errors
    /// The text is neither.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let (path, beneath) = match text.strip_suffix("/*") {
            Some(directory) => (directory, true),
            None => (text, false),
        };
        if path.contains('*') {
            return Err(Refused(format!(
                "expected a path, or a directory followed by /*, found a * elsewhere in {:?}; name the directory",
                text.chars().take(64).collect::<String>()
            )));
        }
        let path = FilePath::parse(path)?;
        Ok(if beneath {
            Self::Beneath(path)
        } else {
            Self::Exact(path)
        })
    }

    /// Whether the pattern takes in `path`.
    #[must_use]
    pub fn matches(&self, path: &FilePath) -> bool {
        match self {
            Self::Exact(exact) => exact == path,
            Self::Beneath(directory) => path.is_beneath(directory.as_str()),
        }
    }

    /// Whether every path that `other` takes in, this one takes in too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(path)) => self.matches(path),
            (Self::Exact(_), Self::Beneath(_)) => false,
            (Self::Beneath(ours), Self::Beneath(theirs)) => {
                ours == theirs || theirs.is_beneath(ours.as_str())
            }
        }
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => path.fmt(f),
            Self::Beneath(directory) => write!(f, "{directory}/*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> FilePattern {
        FilePattern::parse(text).unwrap()
    }

    #[test]
    fn patterns_parse_and_show_themselves() {
        for text in [".gitconfig", ".local/bin/gh", ".config/*", "a/b/*"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn others_are_refused() {
        for (text, reason) in [
            ("*", "found a * elsewhere in \"*\""),
            ("a*", "found a * elsewhere"),
            ("a/*/b", "found a * elsewhere"),
            ("a/**", "found a * elsewhere"),
            ("/*", "found an empty one"),
            ("../*", "found .. as part 1 of 1"),
            ("/etc/*", "begins with /"),
        ] {
            let refused = FilePattern::parse(text).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn covering() {
        for (wide, narrow) in [
            ("a/*", "a/*"),
            ("a/*", "a/b/*"),
            ("a/*", "a/b"),
            ("a/*", "a/b/c"),
            ("a", "a"),
        ] {
            assert!(pattern(wide).covers(&pattern(narrow)), "{wide} {narrow}");
        }
        for (one, other) in [
            ("a/*", "a"),
            ("a/*", "ab/c"),
            ("a/b/*", "a/*"),
            ("a/b", "a/*"),
            ("a", "b"),
        ] {
            assert!(!pattern(one).covers(&pattern(other)), "{one} {other}");
        }
    }
}
