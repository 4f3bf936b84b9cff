//! How lists are written into one variable.

/// The longest tag that Datadog keeps, in characters.
const LONGEST_TAG: usize = 200;

/// A Datadog tag. `DD_TAGS` knows no escapes, and Datadog replaces these characters itself when it stores a tag.
pub(crate) fn tag(key: &str, value: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "_-:./".contains(character);
    let value = value
        .chars()
        .map(|character| if plain(character) { character } else { '_' });
    format!("{key}:")
        .chars()
        .chain(value)
        .take(LONGEST_TAG)
        .collect()
}

/// A key of an attribute or header that every SDK reads as it stands: not all of them decode keys.
pub(crate) fn is_plain_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

/// Whether HTTP can carry it in a header.
pub(crate) fn fits_header(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_stays_one_tag() {
        assert_eq!(tag("team", "R&D, Zürich"), "team:R_D__Zürich");
        assert_eq!(tag("k", &"x".repeat(300)).chars().count(), 200);
    }

    #[test]
    fn keys_are_plain() {
        for (key, plain) in [
            ("service.name", true),
            ("k8s.io/x-y", true),
            ("", false),
            ("a b", false),
            ("ä", false),
            ("9", false),
        ] {
            assert_eq!(is_plain_key(key), plain, "{key}");
        }
    }
}
