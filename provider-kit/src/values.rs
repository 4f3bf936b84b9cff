//! From what a secret store keeps to variables: a secret as it is, one key of a JSON secret, or all of its keys.
//!
//! 1. A store's answer is [`Kept`].
//! 2. [`Pick`] takes one value out of it, as the operator configured for one variable.
//! 3. [`Spread`] takes all of its keys, and makes the name of a variable of each.
//! 4. [`take_all`] does so for everything that is [`Wanted`]; [`Problems`] tells all that is wrong at once.
//! 5. [`Wishes`] is all of it, with one fetch for all workspaces.
//!
//! What does not fit is said in words that name keys and kinds, never values. Put the secret's name before them.

mod json;
mod name;
mod pick;
mod problems;
mod spread;
mod wanted;
mod wishes;

use std::{fmt, str};

use zeroize::Zeroizing;

pub use self::{
    name::is_variable,
    pick::{Encoding, Pick},
    problems::Problems,
    spread::{Names, Spread},
    wanted::{Take, Variables, Wanted, take_all},
    wishes::{Wishes, all_wanted, cache},
};

/// What a store keeps under one name. `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq)]
pub enum Kept {
    /// Text.
    Text(Zeroizing<String>),
    /// Bytes that are no text, or that the store does not call text.
    Bytes(Zeroizing<Vec<u8>>),
}

impl Kept {
    /// Text if it is UTF-8, for a store that does not tell the two apart.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        match str::from_utf8(&bytes) {
            Ok(text) => Self::Text(Zeroizing::new(text.to_owned())),
            Err(_) => Self::Bytes(bytes),
        }
    }

    /// # Errors
    /// It is kept as bytes.
    fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bytes(bytes) => Err(format!(
                "expected text, found {} bytes; say with \"encoding\" what to make of them: \"base64\", or \"utf8\" if they are text",
                bytes.len()
            )),
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text([redacted])",
            Self::Bytes(_) => "Bytes([redacted])",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_text_become_text() {
        let kept = |bytes: &[u8]| Kept::from_bytes(Zeroizing::new(bytes.to_vec()));
        assert_eq!(
            kept("grün".as_bytes()),
            Kept::Text("grün".to_owned().into())
        );
        assert_eq!(kept(&[0xff, 0]), Kept::Bytes(vec![0xff, 0].into()));
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", Kept::Text("hunter2".to_owned().into()));
        assert_eq!(shown, "Text([redacted])");
    }
}
