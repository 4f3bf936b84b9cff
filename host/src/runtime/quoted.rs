//! The words of an engine or a cluster, as errors repeat them.

use std::error::Error;

/// The most of somebody else's words that an error repeats.
const LONGEST_QUOTE: usize = 400;

/// Somebody else's words on one line, and not endless.
#[must_use]
pub fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(LONGEST_QUOTE).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// An error with what it is because of, without what it has said itself.
#[must_use]
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_cause_is_said_once() {
        let inner = |text: &str| causes(&Outer(io::Error::other(text.to_owned())));
        assert_eq!(inner("inner"), "outer: inner");
        assert_eq!(inner("outer"), "outer");
    }

    #[test]
    fn a_quote_is_one_line_and_ends() {
        assert_eq!(quoted(" no\n  such\timage "), "no such image");
        let long = "\u{e9}".repeat(LONGEST_QUOTE);
        assert_eq!(quoted(&long), long);
        assert_eq!(quoted(&format!("{long}x")), format!("{long}…"));
    }
}
