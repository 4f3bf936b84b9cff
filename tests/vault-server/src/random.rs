//! Ids, tokens and passwords.

/// Letters and digits that nobody can guess.
#[expect(
    clippy::expect_used,
    reason = "without random numbers there is nothing to serve"
)]
pub(crate) fn text(length: usize) -> String {
    server_kit::alphanumeric(length).expect("the system has random numbers")
}

/// A request's or a secret id's form: five groups of hexadecimal digits.
pub(crate) fn uuid() -> String {
    let hex: String = text(32)
        .bytes()
        .map(|byte| char::from(b"0123456789abcdef"[usize::from(byte % 16)]))
        .collect();
    let (a, b, c, d, e) = (
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    );
    format!("{a}-{b}-{c}-{d}-{e}")
}
