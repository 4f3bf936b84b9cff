//! Which variables a plugin may read and write.
//!
//! The check stands on the hot path of every `set`: a key that is declared by its full name costs a short scan over the
//! declared names; patterns, the deny list and all text of refusals come only after that has missed.

mod pattern;

use super::Refusal;

pub use pattern::{KeyPattern, KeyPatternError};

/// The longest name of a variable, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// How much of a name a refusal repeats, in characters.
const SHOWN_NAME_CHARS: usize = 64;

const EXPECTED_NAME: &str =
    "expected a variable name (ASCII letters, digits and _, no digit in front)";

/// Names that no plugin may set, because they change what the workspace executes, or because they are the platform's
/// own. Entries that end in `*` are prefixes.
const DENIED: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "DYLD_*",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "IFS",
    "LD_*",
    "PATH",
    "PROMPT_COMMAND",
    "PROVISIONHOOK_*",
    "PS4",
    "SHELLOPTS",
];

/// Whether `name` can name a variable: ASCII letters, digits and `_`, no digit in front, 1 to [`MAX_NAME_BYTES`] long.
#[must_use]
pub fn valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= MAX_NAME_BYTES
        && !bytes[0].is_ascii_digit()
        && bytes.iter().all(|&byte| is_name_byte(byte))
}

/// Whether the built-in deny list holds `name`: no plugin may write it, whatever it declares.
#[must_use]
pub fn is_denied(name: &str) -> bool {
    DENIED.iter().any(|entry| match entry.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *entry,
    })
}

/// What one plugin may read and write. Made once at boot, read by every call of any thread.
#[derive(Clone, Debug, Default)]
pub struct KeyRules {
    reads: Vec<KeyPattern>,
    writes: Vec<KeyPattern>,
    secrets: Vec<KeyPattern>,
    denied: Vec<KeyPattern>,
    /// INVARIANT: each may be written: declared in `writes` by its full name, and neither the built-in deny list nor
    /// `denied` holds it.
    granted: Vec<Granted>,
}

#[derive(Clone, Debug)]
struct Granted {
    name: Box<str>,
    always_secret: bool,
}

impl KeyRules {
    /// Rules of a plugin that declares these patterns. What it may write it may also read; what `secrets` takes in is
    /// secret whatever flag the plugin gives.
    #[must_use]
    pub fn new(reads: Vec<KeyPattern>, writes: Vec<KeyPattern>, secrets: Vec<KeyPattern>) -> Self {
        Self {
            reads,
            writes,
            secrets,
            denied: Vec::new(),
            granted: Vec::new(),
        }
        .indexed()
    }

    /// Rules of a mutator that was registered in code: every valid name but the denied ones.
    #[must_use]
    pub fn unrestricted() -> Self {
        Self::new(Vec::new(), vec![KeyPattern::Prefix("".into())], Vec::new())
    }

    /// The same rules, but none of these may be written either. For the operator's own deny list.
    #[must_use]
    pub fn deny(mut self, denied: Vec<KeyPattern>) -> Self {
        self.denied.extend(denied);
        self.indexed()
    }

    /// Whether the plugin may read `key`.
    #[must_use]
    pub fn may_read(&self, key: &str) -> bool {
        self.granted(key.as_bytes()).is_some()
            || self
                .writes
                .iter()
                .chain(&self.reads)
                .any(|pattern| pattern.matches(key))
    }

    /// Whether the plugin may set or unset `key`, and if so, whether its value is always secret.
    ///
    /// # Errors
    /// The name is not valid, is denied, or is not declared. The refusal says which.
    #[inline]
    pub fn check_write(&self, key: &str) -> Result<bool, Refusal> {
        self.check_write_bytes(key.as_bytes())
    }

    /// The same for a key that nobody has checked to be UTF-8.
    ///
    /// # Errors
    /// As [`check_write`](Self::check_write).
    #[inline]
    pub fn check_write_bytes(&self, key: &[u8]) -> Result<bool, Refusal> {
        match self.granted(key) {
            Some(granted) => Ok(granted.always_secret),
            None => self.check_patterns(key),
        }
    }

    /// The patterns that it declares to read, beside those that it writes.
    #[must_use]
    pub fn reads(&self) -> &[KeyPattern] {
        &self.reads
    }

    /// The patterns that it declares to write.
    #[must_use]
    pub fn writes(&self) -> &[KeyPattern] {
        &self.writes
    }

    #[inline]
    fn granted(&self, key: &[u8]) -> Option<&Granted> {
        self.granted
            .iter()
            .find(|granted| granted.name.as_bytes() == key)
    }

    fn indexed(mut self) -> Self {
        self.granted = self
            .writes
            .iter()
            .filter_map(|pattern| match pattern {
                KeyPattern::Exact(name) if !self.denies(name) => Some(Granted {
                    name: name.clone(),
                    always_secret: self.is_secret(name),
                }),
                KeyPattern::Exact(_) | KeyPattern::Prefix(_) => None,
            })
            .collect();
        self
    }

    fn denies(&self, key: &str) -> bool {
        is_denied(key) || self.denied.iter().any(|pattern| pattern.matches(key))
    }

    fn is_secret(&self, key: &str) -> bool {
        self.secrets.iter().any(|pattern| pattern.matches(key))
    }

    /// What the scan over the full names has missed.
    ///
    /// # Errors
    /// As `check_write`.
    #[cold]
    fn check_patterns(&self, key: &[u8]) -> Result<bool, Refusal> {
        let Ok(key) = std::str::from_utf8(key) else {
            return Err(Refusal(format!(
                "{EXPECTED_NAME}, found bytes that are not UTF-8; use another name"
            )));
        };
        if !valid_name(key) {
            return Err(invalid_name(key));
        }
        if self.denies(key) {
            return Err(Refusal(format!(
                "expected a variable that plugins may set, found {:?}, which is on the deny list; leave it to the platform",
                shown(key)
            )));
        }
        if !self.writes.iter().any(|pattern| pattern.matches(key)) {
            let declared: Vec<String> = self.writes.iter().map(ToString::to_string).collect();
            return Err(Refusal(format!(
                "expected a variable that is declared under writes and granted ({}), found {:?}; declare it in the manifest, or grant it in the policy",
                if declared.is_empty() {
                    "none is".to_owned()
                } else {
                    declared.join(", ")
                },
                shown(key)
            )));
        }
        Ok(self.is_secret(key))
    }
}

/// Does not repeat the name: a plugin that mixes up key and value would put its secret there.
pub(super) fn invalid_name(key: &str) -> Refusal {
    let wrong = key
        .char_indices()
        .find(|&(at, c)| !u8::try_from(c).is_ok_and(is_name_byte) || at == 0 && c.is_ascii_digit());
    Refusal(match wrong {
        _ if key.is_empty() => format!("{EXPECTED_NAME}, found an empty one; name the variable"),
        _ if key.len() > MAX_NAME_BYTES => {
            format!(
                "{EXPECTED_NAME} of at most {MAX_NAME_BYTES} bytes, found {} bytes; use a shorter name",
                key.len()
            )
        }
        Some((at, c)) => format!(
            "{EXPECTED_NAME}, found {c:?} at byte {at} of {}; use another name",
            key.len()
        ),
        None => format!("{EXPECTED_NAME}, found another; use another name"),
    })
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN_NAME_CHARS).collect()
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<KeyPattern> {
        texts
            .iter()
            .map(|text| KeyPattern::parse(text).unwrap())
            .collect()
    }

    #[test]
    fn names() {
        for name in ["A", "_", "a1_B", &"x".repeat(MAX_NAME_BYTES)] {
            assert!(valid_name(name), "{name}");
        }
        for name in [
            "",
            "1A",
            "A=B",
            "A\0",
            "A\n",
            "A-B",
            "Ä",
            " A",
            &"x".repeat(MAX_NAME_BYTES + 1),
        ] {
            assert!(!valid_name(name), "{name}");
        }
    }

    #[test]
    fn writes_are_what_is_declared_and_not_denied() {
        let rules = KeyRules::new(
            patterns(&["R"]),
            patterns(&["W", "P_*", "LD_PRELOAD"]),
            patterns(&["P_SECRET", "W"]),
        )
        .deny(patterns(&["P_NO*"]));
        assert_eq!(rules.check_write("W"), Ok(true));
        assert_eq!(rules.check_write("P_A"), Ok(false));
        assert_eq!(rules.check_write("P_SECRET"), Ok(true));
        for (key, reason) in [
            (
                "R",
                "expected a variable that is declared under writes and granted (W, P_*, LD_PRELOAD), found \"R\"",
            ),
            ("LD_PRELOAD", "deny list"),
            ("P_NOT", "deny list"),
            ("P_\0", "'\\0' at byte 2 of 3"),
            ("", "found an empty one"),
            ("1", "'1' at byte 0 of 1"),
        ] {
            let refusal = rules.check_write(key).unwrap_err().to_string();
            assert!(refusal.contains(reason), "{refusal}");
        }
        assert!(
            rules.may_read("R")
                && rules.may_read("W")
                && rules.may_read("P_X")
                && !rules.may_read("HOME")
        );
    }

    #[test]
    fn code_may_write_all_but_the_denied() {
        let rules = KeyRules::unrestricted();
        assert_eq!(rules.check_write("ANYTHING"), Ok(false));
        for key in [
            "PATH",
            "LD_PRELOAD",
            "IFS",
            "BASH_ENV",
            "ENV",
            "PROVISIONHOOK_TOKEN",
        ] {
            assert!(rules.check_write(key).is_err(), "{key}");
        }
        assert_eq!(rules.check_write("GIT_ASKPASS"), Ok(false));
    }
}
