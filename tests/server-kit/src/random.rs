//! Names and tokens that nobody guesses.

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// So many random letters and digits.
///
/// # Errors
/// The system has no random numbers.
pub fn alphanumeric(length: usize) -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        // Bytes past the last whole multiple of 62 would favour the first letters.
        let letters = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .map(|byte| char::from(ALPHANUMERIC[usize::from(*byte) % 62]));
        text.extend(letters.take(length - text.len()));
    }
    Ok(text)
}
