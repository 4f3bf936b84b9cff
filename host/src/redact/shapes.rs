//! What a secret looks like: the forms that a known value takes in a text, and the shapes of tokens that nobody told us of.

use std::{fmt::Write as _, ops::Range};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD, prelude::BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// A line of a value of several lines is searched for alone if it has at least so many bytes.
const MIN_LINE_BYTES: usize = 16;

/// Prefix of a kind of token, how many characters at least follow, and which ones beside letters and digits.
const TOKENS: &[(&str, usize, &str)] = &[
    ("phw_", 43, "_-"),
    ("ghs_", 36, "._-"),
    ("ghp_", 36, "_"),
    ("gho_", 36, "_"),
    ("ghu_", 36, "._-"),
    ("ghr_", 36, "._-"),
    ("github_pat_", 22, "_"),
    ("glpat-", 20, "._-"),
    ("AKIA", 16, ""),
    ("ASIA", 16, ""),
    ("hvs.", 24, "_-"),
    ("xoxb-", 20, "-"),
    ("xoxp-", 20, "-"),
    ("sk-", 32, "_-"),
    ("AGE-SECRET-KEY-1", 50, ""),
    ("Bearer ", 16, "._~+/=-"),
];

const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_KEY: &str = "PRIVATE KEY-----";
const PEM_END: &str = "-----END ";

/// The value, and what other encodings make of it; each once.
pub(super) fn forms(value: &str) -> Vec<Zeroizing<String>> {
    let mut forms = vec![
        Zeroizing::new(value.to_owned()),
        percent(value),
        json(value),
        debug(value),
    ];
    forms.extend((0..3).flat_map(|shift| base64_at(value, shift)));
    if value.contains('\n') {
        let lines = value
            .lines()
            .filter(|line| line.len() >= MIN_LINE_BYTES && !line.starts_with("-----"));
        forms.extend(lines.map(|line| Zeroizing::new(line.to_owned())));
    }
    forms.sort_unstable_by(|one, other| one.as_str().cmp(other));
    forms.dedup();
    forms
}

/// The base64 characters that depend on the value alone when `shift` bytes stand in front of it in their group of three.
fn base64_at(value: &str, shift: usize) -> [Zeroizing<String>; 2] {
    let mut padded = Zeroizing::new(vec![0; shift]);
    padded.extend_from_slice(value.as_bytes());
    let skip = (shift * 8).div_ceil(6);
    let until = padded.len() * 8 / 6;
    [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD].map(|engine| {
        let encoded = Zeroizing::new(engine.encode(&*padded));
        Zeroizing::new(encoded.get(skip..until).unwrap_or_default().to_owned())
    })
}

fn percent(value: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(value.len() * 3));
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// As it stands inside a JSON string.
fn json(value: &str) -> Zeroizing<String> {
    let quoted = Zeroizing::new(serde_json::to_string(value).unwrap_or_default());
    Zeroizing::new(
        quoted
            .get(1..quoted.len().saturating_sub(1))
            .unwrap_or_default()
            .to_owned(),
    )
}

/// As it stands inside the `Debug` form of a string.
fn debug(value: &str) -> Zeroizing<String> {
    let quoted = Zeroizing::new(format!("{value:?}"));
    Zeroizing::new(quoted[1..quoted.len() - 1].to_owned())
}

/// Adds to `found` where known shapes stand in `text`.
pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    for (prefix, least, beside) in TOKENS {
        for (at, _) in text.match_indices(prefix) {
            let start = at + prefix.len();
            let len = token_len(&text[start..], beside);
            if len >= *least {
                found.push(at..start + len);
            }
        }
    }
    find_jwts(text, found);
    find_private_keys(text, found);
}

fn token_len(text: &str, beside: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || beside.as_bytes().contains(byte))
        .count()
}

/// Three parts in URL-safe base64, the first of which begins a JSON object.
fn find_jwts(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices("eyJ") {
        let len = token_len(&text[at..], "_-.");
        let mut parts = text[at..at + len].split('.');
        if parts.clone().count() >= 3 && parts.by_ref().take(2).all(|part| part.len() >= 8) {
            found.push(at..at + len);
        }
    }
}

/// From the BEGIN line of a private key to the end of its END line, or of the text.
fn find_private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices(PEM_BEGIN) {
        let label = &text[at + PEM_BEGIN.len()..];
        if label
            .find(PEM_KEY)
            .is_none_or(|key| label[..key].contains("-----"))
        {
            continue;
        }
        let end = label.find(PEM_END).and_then(|end| {
            let tail = at + PEM_BEGIN.len() + end + PEM_END.len();
            text[tail..]
                .find("-----")
                .map(|dashes| tail + dashes + "-----".len())
        });
        found.push(at..end.unwrap_or(text.len()));
    }
}

#[cfg(test)]
mod tests {
    use crate::redact::Redactor;

    #[test]
    fn tokens_that_nobody_protects_are_hidden() {
        let long = "0123456789abcdefghijABCDEFGHIJ012345";
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl";
        for text in [
            format!("ghs_{long}"),
            format!("ghs_{}.{long}-{long}_x", long.repeat(12)),
            format!("ghp_{long}"),
            format!("github_pat_{long}"),
            format!("glpat-{long}"),
            format!("Bearer {long}"),
            "AKIAABCDEFGHIJKLMNOP".to_owned(),
            jwt.to_owned(),
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----".to_owned(),
            "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----".to_owned(),
        ] {
            let line = format!("before {text} after");
            assert_eq!(
                Redactor::new().scrub(&line),
                "before [redacted] after",
                "{text}"
            );
        }
        assert_eq!(
            Redactor::new().scrub("-----BEGIN PRIVATE KEY-----\ncut off"),
            "[redacted]"
        );
    }

    #[test]
    fn what_only_resembles_a_token_is_kept() {
        for text in [
            "ghs_short",
            "set GITHUB_TOKEN",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "eyJ.not.jwt",
            "the Bearer of news",
        ] {
            assert_eq!(Redactor::new().scrub(text), text);
        }
    }
}
