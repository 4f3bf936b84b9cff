//! Text that must not be shown: wiped from memory when dropped, and nothing but `[redacted]` to whoever prints it.

use std::fmt;

use zeroize::Zeroizing;

/// A secret string. There is no `Display`, and `Debug` shows no part of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over `text`; whoever had it before must not keep a copy.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself. The name stands out in review: look where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("ghs_abc")), "[redacted]");
    }
}
