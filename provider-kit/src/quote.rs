//! An upstream's own words, made fit for a log: no key and no token can hide in them.

/// No word that is quoted is longer.
const LONGEST_WORD: usize = 40;
/// From this length on a word with letters and digits in it looks like a token.
const SUSPECT_WORD: usize = 16;
const LONGEST_QUOTE: usize = 200;

/// What is put in the place of a word that is left out, and behind a quote that was cut.
const LEFT_OUT: &str = "…";

/// The first line of a message, without long words and those that look like a token, at most some 200 bytes of it; ready
/// to be put behind a fault's own words: `: "bad credentials"`, or nothing if there is nothing to quote.
///
/// Quote a field that the service documents as a message for people, never a whole body.
///
/// ```
/// use provisionhook_provider_kit::quote::quoted;
///
/// assert_eq!(quoted("permission denied\nat line 7"), r#": "permission denied""#);
/// assert_eq!(quoted("no such token glpat-a1b2c3d4e5f6g7h8i9"), r#": "no such token …""#);
/// assert_eq!(quoted(""), "");
/// ```
#[must_use]
pub fn quoted(message: &str) -> String {
    let line = message.trim_start().lines().next().unwrap_or_default();
    let mut quote = String::new();
    for word in line.split_whitespace() {
        let word = if is_fit(word) { word } else { LEFT_OUT };
        if word == LEFT_OUT && quote.ends_with(LEFT_OUT) {
            continue;
        }
        if quote.len() + word.len() > LONGEST_QUOTE {
            quote.push_str(LEFT_OUT);
            break;
        }
        if !quote.is_empty() {
            quote.push(' ');
        }
        quote.push_str(word);
    }
    match quote.as_str() {
        "" | LEFT_OUT => String::new(),
        _ => format!(": {quote:?}"),
    }
}

fn is_fit(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|character| kind(&character));
    let token = has(|c| c.is_ascii_digit()) && has(|c| c.is_alphabetic());
    word.len() <= LONGEST_WORD && !(token && word.len() >= SUSPECT_WORD) && !has(|c| c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_comes_through() {
        let kept = [
            "Bad credentials",
            "'Expiration time' claim ('exp') is too far in the future",
            "not authorized to perform: secretsmanager:GetSecretValue",
            "rate limit of 5,000/h reached, v2.1",
        ];
        for message in kept {
            assert_eq!(quoted(message), format!(": {message:?}"));
        }
    }

    #[test]
    fn long_words_and_tokens_do_not() {
        assert_eq!(
            quoted(&format!("key {} is gone", "A".repeat(41))),
            ": \"key … is gone\""
        );
        assert_eq!(
            quoted("bad hvs.CAESIJ9q1234567 x9f2k4m6b8v0c1z3 here"),
            ": \"bad … here\""
        );
        assert_eq!(
            quoted("token ghp_x1y2z3a4b5c6d7e8f9 \u{1b}[31m"),
            ": \"token …\""
        );
        assert_eq!(quoted(&"a1".repeat(30)), "");
        assert_eq!(quoted(" \n secret"), ": \"secret\"");
        assert_eq!(quoted(" \n "), "");
    }

    #[test]
    fn a_long_message_is_cut() {
        let quote = quoted(&"word ".repeat(1000));
        assert!(
            quote.len() < 220 && quote.ends_with("word…\""),
            "{}: {quote}",
            quote.len()
        );
    }
}
