//! Percent-encoding, for queries and for lists in variables.

/// The text with everything but RFC 3986's unreserved characters as `%XX`, which every decoder reads alike: `+` is a blank to some.
///
/// ```
/// use provisionhook_provider_kit::percent::encoded;
///
/// assert_eq!(encoded("a,b=c%20 +;\"ä"), "a%2Cb%3Dc%2520%20%2B%3B%22%C3%A4");
/// assert_eq!(encoded("plain-._~9"), "plain-._~9");
/// ```
#[must_use]
pub fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}
