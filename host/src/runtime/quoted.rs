//! The words of an engine or a cluster, as errors repeat them.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_one_line_and_ends() {
        assert_eq!(quoted(" no\n  such\timage "), "no such image");
        let long = "\u{e9}".repeat(LONGEST_QUOTE);
        assert_eq!(quoted(&long), long);
        assert_eq!(quoted(&format!("{long}x")), format!("{long}…"));
    }
}
