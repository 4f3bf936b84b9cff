//! The environment before any plugin has run: what the workspace's user asked for, and what the platform adds.

use std::{collections::BTreeMap, fmt};

use super::{Refusal, keys, value};
use crate::{redact::is_secret_name, secret::Secret};

/// Names that only the platform sets.
pub(crate) const PLATFORM_PREFIX: &str = "PROVISIONHOOK_";

/// Who put a variable into the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BaseOrigin {
    /// The user, in the request for the workspace.
    Workspace,
    /// The platform itself.
    Platform,
}

impl fmt::Display for BaseOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Workspace => "workspace",
            Self::Platform => "platform",
        })
    }
}

/// The environment that a chain starts from. Built once, then shared unchanged by every plugin of the run.
#[derive(Debug, Default)]
pub struct BaseEnv {
    variables: BTreeMap<Box<str>, BaseVariable>,
    holds_secret: bool,
}

/// One variable of the base.
#[derive(Debug)]
pub(crate) struct BaseVariable {
    pub(crate) value: Secret,
    pub(crate) secret: bool,
    pub(crate) origin: BaseOrigin,
    /// Whom the platform has overridden with it.
    pub(crate) over: Option<BaseOrigin>,
}

impl BaseEnv {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a variable in. It is secret if `secret` says so, if its name looks like that of a secret, or if what it
    /// replaces was.
    ///
    /// # Errors
    /// The name or the value cannot be put into an environment, or the user asks for a name of the platform's own.
    pub fn insert(
        &mut self,
        origin: BaseOrigin,
        key: &str,
        value: Secret,
        secret: bool,
    ) -> Result<(), Refusal> {
        if !keys::valid_name(key) {
            return Err(keys::invalid_name(key));
        }
        if origin == BaseOrigin::Workspace && key.starts_with(PLATFORM_PREFIX) {
            return Err(Refusal(format!(
                "expected a name that does not start with {PLATFORM_PREFIX}, found {key:?}; the platform sets these itself"
            )));
        }
        value::check(key.as_bytes(), value.expose().as_bytes())?;
        let before = self.variables.get(key);
        let over = before
            .map(|before| before.origin)
            .filter(|before| *before != origin);
        let secret = secret || is_secret_name(key) || before.is_some_and(|before| before.secret);
        self.holds_secret |= secret;
        self.variables.insert(
            key.into(),
            BaseVariable {
                value,
                secret,
                origin,
                over,
            },
        );
        Ok(())
    }

    /// How many variables there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.variables.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    pub(crate) fn variable(&self, key: &str) -> Option<&BaseVariable> {
        self.variables.get(key)
    }

    /// Sorted by name.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &BaseVariable)> {
        self.variables
            .iter()
            .map(|(key, variable)| (&**key, variable))
    }

    pub(super) fn holds_secret(&self) -> bool {
        self.holds_secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_cannot_take_the_platforms_names_nor_break_the_environment() {
        let mut base = BaseEnv::new();
        for (key, value, reason) in [
            ("PROVISIONHOOK_URL", "x", "the platform sets these itself"),
            ("A=B", "x", "'=' at byte 1"),
            ("A", "x\0", "without NUL for A"),
        ] {
            let refusal = base
                .insert(BaseOrigin::Workspace, key, Secret::new(value), false)
                .unwrap_err();
            assert!(refusal.to_string().contains(reason), "{refusal}");
        }
        base.insert(
            BaseOrigin::Platform,
            "PROVISIONHOOK_URL",
            Secret::new("x"),
            false,
        )
        .unwrap();
        assert_eq!(base.len(), 1);
    }

    #[test]
    fn secrecy_comes_from_the_flag_or_the_name_and_stays() {
        let mut base = BaseEnv::new();
        base.insert(BaseOrigin::Workspace, "PLAIN", Secret::new("1"), true)
            .unwrap();
        base.insert(BaseOrigin::Platform, "PLAIN", Secret::new("2"), false)
            .unwrap();
        base.insert(
            BaseOrigin::Workspace,
            "DB_PASSWORD",
            Secret::new("3"),
            false,
        )
        .unwrap();
        let plain = base.variable("PLAIN").unwrap();
        assert!(plain.secret && plain.over == Some(BaseOrigin::Workspace));
        assert!(base.variable("DB_PASSWORD").unwrap().secret);
    }
}
