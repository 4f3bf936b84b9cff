//! Paths beneath a workspace's home.

use std::fmt;

use super::Refused;

/// The longest part of a path between two `/`, in bytes: what file systems take.
pub const MAX_PART_BYTES: usize = 255;
/// The longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 1024;
/// The most parts of a path.
pub const MAX_PARTS: usize = 16;

/// How much of a path a refusal repeats, in characters.
const SHOWN_CHARS: usize = 64;

const EXPECTED: &str = "expected a path beneath the workspace's home";

/// The path of a file beneath a workspace's home, with `/` between its parts.
///
/// INVARIANT: 1 to [`MAX_PARTS`] parts, none of them empty, `.`, `..`, with a control character, or longer than
/// [`MAX_PART_BYTES`]; at most [`MAX_PATH_BYTES`] in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(Box<str>);

impl FilePath {
    /// Parses a relative path.
    ///
    /// # Errors
    /// It is none, or it could lead out of the directory that it starts from. The refusal does not repeat it: a plugin
    /// that mixes up path and bytes would put its secret there.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        if text.len() > MAX_PATH_BYTES {
            return Err(refused(&format!(
                " of at most {MAX_PATH_BYTES} bytes, found {} bytes; use a shorter path",
                text.len()
            )));
        }
        let count = text.split('/').count();
        if count > MAX_PARTS {
            return Err(refused(&format!(
                " of at most {MAX_PARTS} parts, found {count}; use a shorter path"
            )));
        }
        for (number, part) in text.split('/').enumerate() {
            check_part(part, number + 1, count)?;
        }
        Ok(Self(text.into()))
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names on the way, the file's own last.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether `self` can only be there if `directory` is a directory.
    #[must_use]
    pub fn is_beneath(&self, directory: &str) -> bool {
        self.0
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether one of the two is a directory on the way to the other.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.is_beneath(&other.0) || other.is_beneath(&self.0)
    }

    /// The beginning of the path, for a refusal.
    pub(super) fn shown(&self) -> String {
        self.0.chars().take(SHOWN_CHARS).collect()
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// # Errors
/// The part could lead elsewhere, or no file system takes it.
fn check_part(part: &str, number: usize, count: usize) -> Result<(), Refused> {
    match part {
        "" if number == 1 && count == 1 => {
            return Err(refused(", found an empty one; name the file"));
        }
        "" if number == 1 => {
            return Err(refused(", found one that begins with /; leave that / out"));
        }
        "" => {
            return Err(refused(&format!(
                ", found nothing as part {number} of {count}; write one / between two names and none at the end"
            )));
        }
        "." | ".." => {
            return Err(refused(&format!(
                ", found {part} as part {number} of {count}; write the path without it"
            )));
        }
        _ => {}
    }
    if part.len() > MAX_PART_BYTES {
        return Err(refused(&format!(
            " with parts of at most {MAX_PART_BYTES} bytes, found {} bytes in part {number} of {count}; use shorter names",
            part.len()
        )));
    }
    match part.chars().find(|c| c.is_control()) {
        Some(control) => Err(refused(&format!(
            " without control characters, found {control:?} in part {number} of {count}; use another name"
        ))),
        None => Ok(()),
    }
}

fn refused(rest: &str) -> Refused {
    Refused(format!("{EXPECTED}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_stay_beneath_the_home() {
        for text in [
            ".gitconfig",
            ".local/bin/gh",
            "a b/ä",
            "...",
            "..a/b..",
            &"x".repeat(MAX_PART_BYTES),
            &["d"; MAX_PARTS].join("/"),
        ] {
            assert_eq!(FilePath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn each_defect_has_its_sentence() {
        for (text, reason) in [
            ("", "found an empty one"),
            ("/etc/passwd", "begins with /"),
            ("/", "begins with /"),
            ("a//b", "nothing as part 2 of 3"),
            ("a/", "nothing as part 2 of 2"),
            ("..", "found .. as part 1 of 1"),
            ("a/../../b", "found .. as part 2 of 4"),
            ("./a", "found . as part 1 of 2"),
            ("a/b\0", "found '\\0' in part 2 of 2"),
            ("a\nb", "found '\\n' in part 1 of 1"),
            ("a\u{7f}", "found '\\u{7f}' in part 1 of 1"),
            (
                &"x".repeat(MAX_PART_BYTES + 1),
                "found 256 bytes in part 1 of 1",
            ),
            (&vec!["x".repeat(250); 5].join("/"), "found 1254 bytes"),
            (&["d"; MAX_PARTS + 1].join("/"), "found 17"),
        ] {
            let refused = FilePath::parse(text).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text:?}: {refused}");
            assert!(refused.starts_with(EXPECTED), "{refused}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_text() {
        let refused = FilePath::parse("ghs_secret\n").unwrap_err().to_string();
        assert!(!refused.contains("ghs_secret"), "{refused}");
    }

    #[test]
    fn beneath_is_told_by_whole_names() {
        let path = FilePath::parse(".config/git/config").unwrap();
        assert!(path.is_beneath(".config") && path.is_beneath(".config/git"));
        assert!(!path.is_beneath(".conf") && !path.is_beneath(".config/git/config"));
    }
}
