//! Looks for a secret in a text, in the forms in which it may hide there.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};

/// Shorter ones are words that stand anywhere.
const SHORTEST: usize = 8;

/// The form of `secret` in which it stands in `text`, if it does.
pub(crate) fn find(text: &str, secret: &str) -> Option<&'static str> {
    forms(secret)
        .into_iter()
        .find(|(_, form)| form.len() >= SHORTEST && text.contains(form.as_str()))
        .map(|(name, _)| name)
}

fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let mut forms = vec![
        ("as it is", secret.to_owned()),
        (
            "percent-encoded",
            percent(secret, |byte| {
                byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
            }),
        ),
        (
            "percent-encoded as in a form",
            percent(secret, |byte| {
                byte.is_ascii_alphanumeric() || b"*-._".contains(&byte)
            })
            .replace("%20", "+"),
        ),
        ("quoted", format!("{secret:?}").trim_matches('"').to_owned()),
    ];
    // A key of several lines: any line of it gives it away.
    forms.extend(
        secret
            .lines()
            .filter(|line| line.len() >= 16 && !line.contains("-----"))
            .map(|line| ("line of it", line.to_owned())),
    );
    for front in 0..3 {
        forms.push(("in base64", inside(front, secret, &BASE64_STANDARD_NO_PAD)));
        forms.push((
            "in URL-safe base64",
            inside(front, secret, &BASE64_URL_SAFE_NO_PAD),
        ));
    }
    forms
}

fn percent(secret: &str, plain: impl Fn(u8) -> bool) -> String {
    let encoded = secret.bytes().map(|byte| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    encoded.collect()
}

/// What of the base64 is the same whatever stands around the secret, if so many bytes stand in front of it.
fn inside(front: usize, secret: &str, engine: &impl Engine) -> String {
    let text = [&vec![0; front], secret.as_bytes()].concat();
    let encoded = engine.encode(&text);
    let start = (front * 8).div_ceil(6);
    let end = text.len() * 8 / 6;
    encoded.get(start..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const SECRET: &str = "pa ss/wörd+0123456";

    #[test]
    fn every_form_is_found_and_nothing_else() {
        for front in ["", "u", "us", "use", "user:"] {
            let text = format!(
                "authorization: {}",
                BASE64_STANDARD.encode(format!("{front}{SECRET}:x"))
            );
            assert!(find(&text, SECRET).is_some(), "{text}");
        }
        let encoded = "?q=pa%20ss%2Fw%C3%B6rd%2B0123456&x";
        assert_eq!(find(encoded, SECRET), Some("percent-encoded"));
        assert_eq!(find(&format!("<{SECRET}>"), SECRET), Some("as it is"));
        assert_eq!(find("nothing of the kind", SECRET), None);
        assert_eq!(find("a short word", "short"), None);
    }

    #[test]
    fn a_line_of_a_key_is_enough() {
        let key = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEAxyz0123456789\nshort\n-----END KEY-----";
        assert_eq!(
            find("found MIIEowIBAAKCAQEAxyz0123456789 there", key),
            Some("line of it")
        );
        assert_eq!(find("-----BEGIN KEY----- and short", key), None);
    }
}
