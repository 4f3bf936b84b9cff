//! Forms: the bodies of OAuth token endpoints, of AWS's query protocol and others.

use zeroize::Zeroizing;

use crate::outside::Request;

/// A form in the making, which is wiped: it usually holds a credential.
///
/// ```
/// use provisionhook_provider_kit::form::Form;
///
/// let form = Form::default().with("grant_type", "refresh_token").with("refresh_token", "1//a b&c");
/// assert_eq!(&*form.post("https://oauth.example/token").body, b"grant_type=refresh_token&refresh_token=1%2F%2Fa%20b%26c");
/// ```
#[derive(Clone, Default)]
pub struct Form(Zeroizing<Vec<u8>>);

impl Form {
    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        // Room for all of it, so that nothing of it stays behind in memory that is given back.
        let most = self.0.len() + 3 * (name.len() + value.len()) + 2;
        let mut grown = Zeroizing::new(Vec::with_capacity(most));
        grown.append(&mut self.0);
        if !grown.is_empty() {
            grown.push(b'&');
        }
        escape(name, &mut grown);
        grown.push(b'=');
        escape(value, &mut grown);
        Self(grown)
    }

    /// A `POST` of it.
    pub fn post(&self, url: impl Into<String>) -> Request {
        Request::post(url).body(
            "application/x-www-form-urlencoded; charset=utf-8",
            self.0.as_slice(),
        )
    }
}

fn escape(text: &str, into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(byte);
        } else {
            let digit = |shift: u8| DIGITS[usize::from(byte >> shift & 15)];
            into.extend([b'%', digit(4), digit(0)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_is_escaped() {
        let form = Form::default().with("A", "a b&c=\u{fc}/").with("b+", "");
        let request = form.post("https://x.example");
        assert_eq!(
            std::str::from_utf8(&request.body).unwrap(),
            "A=a%20b%26c%3D%C3%BC%2F&b%2B="
        );
        assert_eq!(request.headers[0].0, "content-type");
    }
}
